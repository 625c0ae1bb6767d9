"""Making bundles: the same lock gives the same bytes, and nothing unsound is signed or left behind."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.bundle.bundles import (
    CREATED,
    EXPIRES,
    FILES,
    IMAGES,
    MODELS,
    NOW,
    Seed,
    pinned,
    seed,
    signer,
    size,
    tree,
)
from tests.unit.bundle.test_transfer import Cut, CutAfter
from trivet.bundle import create
from trivet.bundle.create import create_bundle
from trivet.bundle.layout import Layout
from trivet.bundle.refusals import DigestError, DocumentError
from trivet.bundle.tarball import list_tar
from trivet.bundle.verify import verify_bundle
from trivet.errors import HostError, IntegrityError, LockError
from trivet.spec.digest import sha256_digest

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def origin(tmp_path: Path) -> Seed:
    return seed(tmp_path / "store")


def blob(store: Layout, name: str) -> Path:
    entry = store.find(name)
    assert entry
    return store.path(store.manifest(entry).layers[0])


def test_two_builds_in_different_conditions_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = seed(tmp_path / "one").bundle(tmp_path / "a" / "bundle")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    old = os.umask(0o077)
    try:
        reversed_ = {"images": dict(reversed(IMAGES.items())), "models": dict(reversed(MODELS.items()))}
        other = seed(tmp_path / "other" / "deep", **reversed_, files=dict(reversed(FILES.items())))  # type: ignore[arg-type]
        two = other.bundle(tmp_path / "b")
    finally:
        os.umask(old)
        monkeypatch.undo()
        time.tzset()
    assert tree(one) == tree(two)
    assert {path.stat().st_mode & 0o777 for path in two.rglob("*") if path.is_file()} == {0o644}


def test_a_tar_holds_the_same_files_as_the_directory(origin: Seed, tmp_path: Path) -> None:
    bundle, tar = origin.bundle(tmp_path / "b"), origin.bundle(tmp_path / "b.tar")
    shutil.unpack_archive(tar, tmp_path / "unpacked", filter="data")
    assert tree(tmp_path / "unpacked") == tree(bundle)
    names = [name for name, _ in list_tar(tar)]
    assert names.index("index.json") > max(names.index(name) for name in names if name.startswith("blobs"))


def test_two_tars_are_the_same_to_the_byte(origin: Seed, tmp_path: Path) -> None:
    one, two = origin.bundle(tmp_path / "one.tar"), seed(tmp_path / "again").bundle(tmp_path / "two.tar")
    assert one.read_bytes() == two.read_bytes()


def test_only_what_the_lock_names_travels(origin: Seed, tmp_path: Path) -> None:
    extra = origin.store.put_bytes(b"built, but not locked", "text/plain")
    bundle = origin.bundle(tmp_path / "b")
    assert not (bundle / "blobs" / "sha256" / extra.digest.removeprefix("sha256:")).exists()


def test_the_index_says_what_it_is_of(origin: Seed, tmp_path: Path) -> None:
    index = verify_bundle(origin.bundle(tmp_path / "b"), pinned(), now=NOW).trusted.index
    assert (index.stack, index.lock) == ("trivet", origin.contents.lock.digest)
    assert (index.created, index.expires) == (CREATED, EXPIRES)


def test_a_bundle_without_dates_is_made_and_never_expires(origin: Seed, tmp_path: Path) -> None:
    contents = replace(origin.contents, created=None, expires=None)
    create_bundle(origin.store, contents, tmp_path / "b", [signer("officer")])
    assert verify_bundle(tmp_path / "b", pinned(), now=NOW).trusted.index.expires is None


def test_a_dry_run_decides_everything_and_writes_nothing(origin: Seed, tmp_path: Path) -> None:
    before = tree(tmp_path)
    made = create_bundle(origin.store, origin.contents, tmp_path / "b", [signer("officer")], dry_run=True)
    assert tree(tmp_path) == before
    assert made.trusted.digest == sha256_digest((origin.bundle(tmp_path / "b") / "index.json").read_bytes())


def test_making_it_again_verifies_what_is_there(origin: Seed, tmp_path: Path) -> None:
    origin.bundle(tmp_path / "b")
    made = create_bundle(origin.store, origin.contents, tmp_path / "b", [signer("officer")])
    assert (made.done.copied, made.done.kept) == (0, made.size)


def test_a_damaged_bundle_of_that_name_is_not_taken_for_made(origin: Seed, tmp_path: Path) -> None:
    bundle = origin.bundle(tmp_path / "b")
    path = next((bundle / "blobs" / "sha256").iterdir())
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(DigestError):
        origin.bundle(bundle)


def test_another_bundle_is_never_written_over(origin: Seed, tmp_path: Path) -> None:
    bundle = origin.bundle(tmp_path / "b")
    before = tree(bundle)
    newer = seed(tmp_path / "store", files={**FILES, "inference.yaml": b"version: 2\n"})
    with pytest.raises(HostError, match="never written over"):
        newer.bundle(bundle)
    assert tree(bundle) == before


def test_a_damaged_store_is_named_and_nothing_is_left_behind(origin: Seed, tmp_path: Path) -> None:
    path = blob(origin.store, "model/tiny")
    path.write_bytes(b"?" * path.stat().st_size)
    before = tree(tmp_path)
    for out in ("b", "b.tar"):
        with pytest.raises(DigestError, match=str(path)):
            origin.bundle(tmp_path / out)
    assert tree(tmp_path) == before


def test_a_store_without_a_blob_is_refused_before_anything_is_written(origin: Seed, tmp_path: Path) -> None:
    blob(origin.store, "image/llama").unlink()
    before = tree(tmp_path)
    with pytest.raises(IntegrityError, match="missing"):
        origin.bundle(tmp_path / "b")
    assert tree(tmp_path) == before


def test_a_store_that_does_not_hold_what_the_lock_names_is_refused(origin: Seed, tmp_path: Path) -> None:
    seed(tmp_path / "store", models={**MODELS, "tiny": {"tiny.gguf": b"another"}})
    with pytest.raises(LockError, match="run `trivet build`"):
        origin.bundle(tmp_path / "b")


def test_nothing_is_signed_that_would_be_refused(tmp_path: Path) -> None:
    unsound = seed(tmp_path / "store", files={"../inference.yaml": b""})
    with pytest.raises(DocumentError, match="relative path"):
        unsound.bundle(tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("form", ["b", "b.tar"])
@pytest.mark.parametrize("after", [1, 3_000, 30_000, 71_000])
def test_a_run_that_was_cut_is_continued_and_ends_the_same(origin: Seed, tmp_path: Path, form: str, after: int) -> None:
    whole = origin.bundle(tmp_path / "whole" / form)
    with pytest.raises(Cut):
        create_bundle(origin.store, origin.contents, tmp_path / form, [signer("officer")], progress=CutAfter(after))
    assert not (tmp_path / form).exists()
    made = create_bundle(origin.store, origin.contents, tmp_path / form, [signer("officer")])
    assert made.done.kept >= min(after, made.size) - 60_000
    if whole.is_file():
        assert whole.read_bytes() == (tmp_path / form).read_bytes()
    else:
        assert tree(whole) == tree(tmp_path / form)
    assert not list(tmp_path.glob("*.incoming"))


def test_the_draft_of_another_bundle_does_not_get_in(origin: Seed, tmp_path: Path) -> None:
    with pytest.raises(Cut):
        create_bundle(origin.store, origin.contents, tmp_path / "b", progress=CutAfter(60_000))
    newer = seed(tmp_path / "newer", models={"other": {"other.gguf": b"other" * 99}})
    assert tree(newer.bundle(tmp_path / "b")) == tree(newer.bundle(tmp_path / "clean"))


def test_a_full_disk_is_said_before_the_first_write(
    origin: Seed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(where: Path, needed: int) -> None:
        raise HostError(where=str(where), value="0 bytes free", rule=f"{needed} bytes", remedy="free some space")

    needed = size(origin.bundle(tmp_path / "other"))
    monkeypatch.setattr(create, "require_space", full)
    before = tree(tmp_path)
    with pytest.raises(HostError, match=f"{needed} bytes"):
        origin.bundle(tmp_path / "b")
    assert tree(tmp_path) == before
