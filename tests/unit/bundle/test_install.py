"""Installing: all or nothing, continued after a cut, and what is there is verified, not copied."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from tests.unit.bundle.bundles import FILES, IMAGES, MODELS, NOW, Seed, pinned, seed, signer, size, tree
from tests.unit.bundle.test_transfer import Cut, CutAfter
from trivet.bundle import install
from trivet.bundle.install import Installed, Target, install_bundle, installed_index
from trivet.bundle.layout import Layout
from trivet.bundle.refusals import BaseError, DigestError, MissingFileError
from trivet.errors import HostError, IntegrityError

pytestmark = pytest.mark.usefixtures("impatient")

NEWER = {**MODELS, "tiny": {"tiny.gguf": b"better weights" * 700}}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    return seed(tmp_path_factory.mktemp("origin") / "store")


@pytest.fixture(scope="module")
def bundle(origin: Seed) -> Path:
    return origin.bundle(origin.store.root.parent / "bundle")


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    root = tmp_path_factory.mktemp("newer") / "store"
    return seed(root, models=NEWER, files={**FILES, "inference.yaml": b"version: 2\n"})


@pytest.fixture(scope="module")
def delta(newer: Seed, bundle: Path) -> Path:
    return newer.bundle(newer.store.root.parent / "delta", since=bundle)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    project = tmp_path / "project"
    return Target(project / ".trivet" / "store", project)


def installed(source: Path, target: Target, **more: object) -> Installed:
    return install_bundle(source, target, pinned(), now=NOW, **more)  # type: ignore[arg-type]


def path_of(store: Path, name: str) -> Path:
    layout = Layout(store)
    entry = layout.find(name)
    assert entry
    return layout.path(layout.manifest(entry).layers[0])


def test_an_installed_store_holds_everything_and_is_sound(bundle: Path, origin: Seed, target: Target) -> None:
    done = installed(bundle, target)
    layout = Layout(target.store)
    layout.verify()
    assert [entry.ref for entry in layout.index().manifests] == [entry.ref for entry in done.trusted.index.manifests]
    assert layout.find("image/llama") == origin.store.find("image/llama")
    assert target.project
    assert {name: (target.project / name).read_bytes() for name in FILES} == FILES
    assert installed_index(target.store) == done.trusted.digest
    assert not (target.store / ".incoming").exists()


def test_a_tar_is_installed_as_a_directory_is(origin: Seed, bundle: Path, tmp_path: Path) -> None:
    tar = origin.bundle(tmp_path / "b.tar")
    for number, source in enumerate((bundle, tar)):
        installed(source, Target(tmp_path / str(number)))
    assert tree(tmp_path / "0" / "blobs") == tree(tmp_path / "1" / "blobs")


def test_the_evidence_lists_what_was_verified_and_who_signed(bundle: Path, target: Target) -> None:
    done = installed(bundle, target)
    assert done.evidence
    record = json.loads(done.evidence.read_bytes())
    assert (record["act"], record["unsigned"], record["threshold"]) == ("install", False, 1)
    assert [each["key"] for each in record["signers"]] == [signer("officer").public.id]
    assert {line["digest"]: line["size"] for line in record["digests"]} == {
        digest: blob.size for digest, blob in done.trusted.blobs.items()
    }
    assert record["bundle"] == {
        "index": done.trusted.digest,
        "annotations": done.trusted.index.annotations,
        "base": None,
        "complete": True,
    }


def test_the_evidence_says_that_a_bundle_was_taken_unsigned(bundle: Path, target: Target) -> None:
    done = install_bundle(bundle, target, None, now=NOW)
    assert done.evidence
    record = json.loads(done.evidence.read_bytes())
    assert (record["unsigned"], record["signers"], record["threshold"]) == (True, [], 0)


def test_the_signature_stays_with_what_was_installed(bundle: Path, target: Target) -> None:
    installed(bundle, target)
    name = f"index.json.{signer('officer').public.id}.minisig"
    for file in ("index.json", name):
        assert (target.store / "installed" / file).read_bytes() == (bundle / file).read_bytes()


def test_installing_again_copies_nothing_and_verifies_everything(bundle: Path, target: Target) -> None:
    first = installed(bundle, target)
    again = installed(bundle, target)
    assert (again.done.copied, again.done.kept) == (0, first.done.copied)


def test_what_is_damaged_in_the_store_is_copied_again(bundle: Path, target: Target) -> None:
    installed(bundle, target)
    path = path_of(target.store, "model/tiny")
    size = path.stat().st_size
    path.write_bytes(b"?" * size)
    assert installed(bundle, target).done.copied == size
    Layout(target.store).verify()


def test_other_entries_of_a_store_stay(bundle: Path, tmp_path: Path) -> None:
    other = seed(tmp_path / "store", images={"vllm": (b"vllm",)}, models={"mine": {"m.gguf": b"mine"}})
    installed(bundle, Target(other.store.root))
    assert {"image/vllm", "model/mine", "image/llama"} <= {entry.ref for entry in other.store.index().manifests}


def test_a_dry_run_verifies_everything_and_writes_nothing(bundle: Path, target: Target, tmp_path: Path) -> None:
    done = installed(bundle, target, dry_run=True)
    assert done.trusted.complete
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("after", [1, 2_000, 20_000, 55_000, 71_000])
def test_a_run_that_was_cut_is_continued(bundle: Path, target: Target, tmp_path: Path, after: int) -> None:
    with pytest.raises(Cut):
        installed(bundle, target, progress=CutAfter(after))
    assert not (target.store / "index.json").exists()
    there = sum(path.stat().st_size for path in (target.store / ".incoming").iterdir())
    done = installed(bundle, target)
    assert done.done.kept == there
    assert done.done.copied == size(bundle) - there
    installed(bundle, Target(tmp_path / "clean"))
    assert tree(target.store / "blobs") == tree(tmp_path / "clean" / "blobs")


def test_a_run_that_was_cut_between_the_names_converges(
    bundle: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(Layout, "enter", cut)
        with pytest.raises(Cut):
            installed(bundle, target)
    done = installed(bundle, target)
    assert (done.done.copied, done.done.kept) == (0, size(bundle))
    Layout(target.store).verify()


def test_a_wrong_blob_leaves_no_trace_even_of_an_earlier_cut(origin: Seed, target: Target, tmp_path: Path) -> None:
    bad = origin.bundle(tmp_path / "bad")
    with pytest.raises(Cut):
        installed(bad, target, progress=CutAfter(1))
    small = min((bad / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    small.write_bytes(bytes(small.stat().st_size))
    with pytest.raises(DigestError, match=small.name):
        installed(bad, target)
    assert not list(target.store.rglob("*"))


def test_a_delta_is_installed_upon_its_base(bundle: Path, delta: Path, newer: Seed, target: Target) -> None:
    installed(bundle, target)
    done = installed(delta, target)
    assert done.trusted.complete
    assert done.done.copied < done.done.kept
    full = install_bundle(newer.bundle(delta.with_name("full")), target, pinned(), now=NOW)
    assert full.done.copied == 0
    assert full.trusted.digest == done.trusted.digest


def test_a_delta_that_was_installed_may_be_installed_again(bundle: Path, delta: Path, target: Target) -> None:
    installed(bundle, target)
    installed(delta, target)
    assert installed(delta, target).done.copied == 0


def test_a_delta_without_its_base_is_refused_before_any_write(delta: Path, target: Target, tmp_path: Path) -> None:
    with pytest.raises(BaseError, match="no bundle"):
        installed(delta, target)
    assert list(tmp_path.iterdir()) == []


def test_a_delta_upon_another_base_is_refused_before_any_write(
    delta: Path, target: Target, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = seed(tmp_path_factory.mktemp("other") / "store", images={"llama": IMAGES["llama"]})
    installed(other.bundle(other.store.root.parent / "b"), target)
    assert target.project
    before = tree(target.project)
    with pytest.raises(BaseError, match="the base of"):
        installed(delta, target)
    assert tree(target.project) == before


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(bytes(path.stat().st_size))])
def test_a_delta_upon_a_damaged_base_is_refused_before_any_write(
    bundle: Path, delta: Path, target: Target, spoil: object
) -> None:
    installed(bundle, target)
    path = path_of(target.store, "model/wide")
    spoil(path)  # type: ignore[operator]
    assert target.project
    before = tree(target.project)
    with pytest.raises(MissingFileError, match=path.name):
        installed(delta, target)
    assert tree(target.project) == before


def test_a_file_that_somebody_changed_is_kept_and_nothing_is_written(bundle: Path, delta: Path, target: Target) -> None:
    installed(bundle, target)
    assert target.project
    (target.project / "inference.yaml").write_bytes(b"mine\n")
    before = tree(target.project)
    with pytest.raises(HostError, match="--replace"):
        installed(delta, target)
    assert tree(target.project) == before
    installed(delta, Target(target.store, target.project, replace=True))
    assert (target.project / "inference.yaml").read_bytes() == b"version: 2\n"


def test_a_file_that_nobody_changed_is_updated(bundle: Path, delta: Path, target: Target) -> None:
    installed(bundle, target)
    installed(delta, target)
    assert target.project
    assert (target.project / "inference.yaml").read_bytes() == b"version: 2\n"


def test_a_directory_that_is_no_store_is_left_alone(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "diary").write_text("dear")
    with pytest.raises(HostError, match="other things in it"):
        installed(bundle, Target(tmp_path / "home"))
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["diary"]


def test_two_installations_at_once_do_not_mix(bundle: Path, target: Target) -> None:
    quarantine = target.store / ".incoming"
    quarantine.mkdir(parents=True)
    descriptor = os.open(quarantine, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(HostError, match="another process"):
            installed(bundle, target)
    finally:
        os.close(descriptor)
    installed(bundle, target)


def test_no_room_is_said_before_the_first_write(
    bundle: Path, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(where: Path, needed: int) -> None:
        raise HostError(where=str(where), value="0 bytes free", rule=f"{needed} bytes", remedy="free some space")

    monkeypatch.setattr(install, "require_space", full)
    with pytest.raises(HostError, match=f"{size(bundle)} bytes"):
        installed(bundle, target)
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_of_the_store_leaves_an_installed_bundle_alone(bundle: Path, target: Target) -> None:
    installed(bundle, target)
    assert Layout(target.store).sweep(grace=-1) == 0
    assert installed(bundle, target).done.copied == 0


def test_unsound_bundles_are_refused_by_the_same_rules(target: Target, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(IntegrityError, match=r"index\.json"):
        installed(tmp_path / "empty", target)
