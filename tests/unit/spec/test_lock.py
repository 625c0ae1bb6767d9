"""The lock is held against the spec before anything else happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.examples import spec_with
from trivet.errors import LockError
from trivet.spec import Lock, LockedArtifact, LockedFile, LockedImage, LockedModel, StackSpec, load_lock, parse_lock
from trivet.spec.digest import json_digest, sha256_digest


def digest(text: str) -> str:
    return sha256_digest(text.encode())


def lock_for(spec: StackSpec, **changes: Any) -> Lock:
    image = LockedImage(manifest=digest("m"), config=digest("c"), size=1, context=digest("x"))
    fields: dict[str, Any] = {
        "inputs": json_digest(spec.lock_inputs),
        "images": dict.fromkeys(spec.images, image),
        "models": {
            m.name: LockedModel(manifest=digest(m.name), files=(LockedFile(path="a.gguf", digest=m.digest, size=1),))
            for m in spec.models
        },
    }
    return Lock(**(fields | changes))


def write(path: Path, lock: Lock) -> Path:
    path.write_text(lock.dump())
    return path


def test_a_fresh_lock_is_read_back_unchanged(tmp_path: Path) -> None:
    spec = spec_with({})
    lock = lock_for(spec)
    assert load_lock(write(tmp_path / "inference.lock", lock), spec) == lock


def test_a_missing_lock_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="trivet lock"):
        load_lock(tmp_path / "inference.lock", spec_with({}))


def test_a_model_that_is_not_locked_is_named(tmp_path: Path) -> None:
    spec = spec_with({})
    models = dict(lock_for(spec).models)
    del models["trivet-tiny"]
    lock = lock_for(spec, models=models, inputs=digest("old"))
    with pytest.raises(LockError, match="model trivet-tiny is not locked"):
        load_lock(write(tmp_path / "inference.lock", lock), spec)


def test_a_model_of_another_digest_makes_the_lock_stale(tmp_path: Path) -> None:
    spec = spec_with({})
    lock = lock_for(spec, inputs=digest("old"))
    with pytest.raises(LockError, match="source, format or digest has changed"):
        load_lock(write(tmp_path / "inference.lock", lock), spec)


def test_arguments_and_quotas_change_under_one_lock(tmp_path: Path) -> None:
    path = write(tmp_path / "inference.lock", lock_for(spec_with({})))
    changed = spec_with({"runtimes": {"llama": {"arguments": {"threads": 1}}}})
    assert load_lock(path, changed).digest == lock_for(spec_with({})).digest


@pytest.mark.parametrize("text", ["", "{", "{}", '{"version": 2}', "[]"])
def test_a_malformed_lock_is_refused(text: str) -> None:
    with pytest.raises(LockError, match="written by Trivet"):
        parse_lock(text, "inference.lock")


def test_a_file_name_cannot_leave_its_directory() -> None:
    text = lock_for(spec_with({})).dump().replace('"a.gguf"', '"../a.gguf"', 1)
    with pytest.raises(LockError, match="path"):
        parse_lock(text, "inference.lock")


def test_what_bare_hosts_need_besides_does_not_change_what_runs() -> None:
    plain = Lock(inputs=json_digest([]), images={}, models={})
    artifact = LockedArtifact(manifest=json_digest(1), size=1, inputs=json_digest(2))
    bare = plain.model_copy(update={"artifacts": {"debian/trixie-engine": artifact}})
    assert bare.digest == plain.digest
    assert parse_lock(bare.dump(), "lock") == bare


def test_a_lock_without_artifacts_is_written_as_ever() -> None:
    plain = Lock(inputs=json_digest([]), images={}, models={})
    assert "artifacts" not in plain.dump()
    assert parse_lock(plain.dump(), "lock") == plain
