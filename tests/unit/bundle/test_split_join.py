"""Splitting for media and putting together again; updates upon their base."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.bundle.bundles import FILES, IMAGES, MODELS, NOW, Seed, pinned, seed, signer, tree
from tests.unit.bundle.test_transfer import Cut, CutAfter
from trivet.bundle.join import join_bundle
from trivet.bundle.plan import MediumSizeError
from trivet.bundle.refusals import (
    BaseError,
    DigestError,
    LengthError,
    MissingFileError,
    PartError,
    SignatureError,
    UnexpectedFileError,
    UnsignedError,
)
from trivet.bundle.split import split_bundle, verify_part
from trivet.errors import HostError

pytestmark = pytest.mark.usefixtures("impatient")

MEDIUM = 1_500_000
RANDOM = os.urandom(5_000_000)
BIG = {**MODELS, "big": {"big.gguf": RANDOM}}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    return seed(tmp_path_factory.mktemp("origin") / "store", models=BIG)


@pytest.fixture(scope="module")
def bundle(origin: Seed) -> Path:
    return origin.bundle(origin.store.root.parent / "bundle")


@pytest.fixture(scope="module")
def made(bundle: Path) -> Path:
    out = bundle.with_name("parts")
    split_bundle(bundle, out, MEDIUM, [signer("officer")], pinned(), now=NOW)
    return out


@pytest.fixture
def parts(made: Path, tmp_path: Path) -> list[Path]:
    return sorted(Path(shutil.copytree(made, tmp_path / "parts")).iterdir())


def joined(sources: list[Path], out: Path, **more: object) -> Path:
    join_bundle(sources, out, pinned(), now=NOW, **more)  # type: ignore[arg-type]
    return out


def largest(part: Path) -> Path:
    return max((part / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)


def test_parts_make_the_bundle_again_in_any_order(bundle: Path, parts: list[Path], tmp_path: Path) -> None:
    assert len(parts) > 3
    assert tree(joined(parts[::-1], tmp_path / "again")) == tree(bundle)


def test_no_part_is_larger_than_the_medium(parts: list[Path]) -> None:
    for part in parts:
        files = [path.stat().st_size for path in part.rglob("*") if path.is_file()]
        assert sum(-(-size // 4096) * 4096 for size in files) <= MEDIUM


def test_only_the_blob_that_is_too_large_is_cut(parts: list[Path]) -> None:
    found = [verify_part(part, pinned()) for part in parts]
    pieces = [piece for each in found for piece in each.part.pieces]
    assert {piece.size + piece.offset for piece in pieces} >= {5_000_000}
    assert len({piece.blob for piece in pieces}) == 1


def test_each_part_verifies_alone(parts: list[Path], tmp_path: Path) -> None:
    for number, part in enumerate(parts, 1):
        alone = Path(shutil.move(part, tmp_path / "alone" / str(number)))
        assert verify_part(alone, pinned()).part.number == number


def test_splitting_twice_gives_the_same_bytes(bundle: Path, made: Path, tmp_path: Path) -> None:
    split_bundle(bundle, tmp_path / "again", MEDIUM, [signer("officer")], pinned(), now=NOW)
    assert tree(tmp_path / "again") == tree(made)


def test_a_dry_run_says_how_many_parts_and_writes_nothing(bundle: Path, made: Path, tmp_path: Path) -> None:
    done = split_bundle(bundle, tmp_path / "x", MEDIUM, [signer("officer")], pinned(), now=NOW, dry_run=True)
    assert len(done.parts) == len(list(made.iterdir()))
    assert list(tmp_path.iterdir()) == []


def test_a_cut_split_is_continued(bundle: Path, made: Path, tmp_path: Path) -> None:
    with pytest.raises(Cut):
        split_bundle(
            bundle, tmp_path / "x", MEDIUM, [signer("officer")], pinned(), now=NOW, progress=CutAfter(12_500_000)
        )
    done = split_bundle(bundle, tmp_path / "x", MEDIUM, [signer("officer")], pinned(), now=NOW)
    assert done.done.kept > 0
    assert tree(tmp_path / "x") == tree(made)


def test_a_cut_split_for_other_media_leaves_nothing_behind(bundle: Path, made: Path, tmp_path: Path) -> None:
    with pytest.raises(Cut):
        split_bundle(
            bundle, tmp_path / "x", 2 * MEDIUM, [signer("officer")], pinned(), now=NOW, progress=CutAfter(12_500_000)
        )
    split_bundle(bundle, tmp_path / "x", MEDIUM, [signer("officer")], pinned(), now=NOW)
    assert tree(tmp_path / "x") == tree(made)


def test_a_medium_that_is_too_small_is_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(MediumSizeError):
        split_bundle(bundle, tmp_path / "x", 70_000, [signer("officer")], pinned(), now=NOW)


@pytest.mark.parametrize("cut_blob", [True, False])
def test_a_damaged_bundle_is_not_split(bundle: Path, tmp_path: Path, cut_blob: bool) -> None:
    bad = Path(shutil.copytree(bundle, tmp_path / "bad"))
    choose = max if cut_blob else min
    path = choose((bad / "blobs" / "sha256").iterdir(), key=lambda each: each.stat().st_size)
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(DigestError, match=path.name):
        split_bundle(bad, tmp_path / "x", MEDIUM, [signer("officer")], pinned(), now=NOW)
    assert not list(tmp_path.glob("x*"))


def flipped(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-1])
    return path


def removed(path: Path) -> Path:
    path.unlink()
    return path


def added(path: Path) -> Path:
    path.write_bytes(b"x")
    return path


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda part: flipped(largest(part)), DigestError),
        (lambda part: cut(largest(part)), LengthError),
        (lambda part: removed(largest(part)), MissingFileError),
        (lambda part: added(part / "blobs" / "sha256" / ("0" * 64)), UnexpectedFileError),
        (lambda part: flipped(part / "part.json"), SignatureError),
        (lambda part: removed(next(part.glob("part.json.*"))).with_name("part.json"), UnsignedError),
        (lambda part: flipped(part / "index.json"), SignatureError),
        (lambda part: flipped(next(part.glob("index.json.*"))), SignatureError),
        (lambda part: removed(next(part.glob("index.json.*"))).with_name("index.json"), UnsignedError),
        (lambda part: removed(part / "index.json"), MissingFileError),
        (lambda part: removed(part / "oci-layout"), MissingFileError),
    ],
)
def test_a_spoilt_part_is_refused_alone_and_with_the_others(
    parts: list[Path], tmp_path: Path, spoil: Callable[[Path], Path], error: type[Exception]
) -> None:
    culprit = spoil(parts[1])
    with pytest.raises(error, match=str(culprit)):
        verify_part(parts[1], pinned())
    with pytest.raises(error, match=str(culprit)):
        joined(parts, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_a_missing_a_doubled_and_a_foreign_part_are_refused(parts: list[Path], tmp_path: Path) -> None:
    foreign = seed(tmp_path / "store", models={"big": {"big.gguf": RANDOM[::-1]}})
    split_bundle(foreign.bundle(tmp_path / "b"), tmp_path / "others", MEDIUM, [signer("officer")], pinned(), now=NOW)
    other = min((tmp_path / "others").iterdir())
    for wrong, message in (
        (parts[1:], "part 1 is there 0 times"),
        ([*parts, parts[0]], "part 1 is there 2 times"),
        ([other, *parts[1:]], "part of sha256"),
    ):
        with pytest.raises(PartError, match=message):
            joined(wrong, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_parts_of_a_stranger_are_refused(bundle: Path, tmp_path: Path) -> None:
    split_bundle(bundle, tmp_path / "x", MEDIUM, [signer("stranger")], pinned(), now=NOW)
    with pytest.raises(UnsignedError, match=r"part\.json"):
        joined(list((tmp_path / "x").iterdir()), tmp_path / "out")


def test_joining_into_something_that_exists_is_refused(parts: list[Path], tmp_path: Path) -> None:
    with pytest.raises(HostError, match="it exists"):
        joined(parts, tmp_path / "parts")


def test_a_dry_run_of_joining_verifies_everything_and_writes_nothing(parts: list[Path], tmp_path: Path) -> None:
    joined(parts, tmp_path / "out", dry_run=True)
    flipped(largest(parts[0]))
    with pytest.raises(DigestError):
        joined(parts, tmp_path / "out", dry_run=True)
    assert not list(tmp_path.glob("out*"))


def test_parts_are_joined_into_a_tar(origin: Seed, parts: list[Path], tmp_path: Path) -> None:
    joined(parts, tmp_path / "out.tar")
    assert (tmp_path / "out.tar").read_bytes() == origin.bundle(tmp_path / "b.tar").read_bytes()


# Updates


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    images = {**IMAGES, "llama": (IMAGES["llama"][0], b"new layer" * 40)}
    return seed(
        tmp_path_factory.mktemp("newer") / "store",
        images=images,
        models=BIG,
        files={**FILES, "inference.yaml": b"version: 2\n"},
    )


def test_base_and_delta_make_the_full_bundle_digest_for_digest(bundle: Path, newer: Seed, tmp_path: Path) -> None:
    delta, full = newer.bundle(tmp_path / "delta", since=bundle), newer.bundle(tmp_path / "full")
    assert sum(path.stat().st_size for path in delta.rglob("*") if path.is_file()) < len(RANDOM) // 10
    assert tree(joined([bundle, delta], tmp_path / "joined")) == tree(full)


def test_a_chain_of_deltas_makes_the_last_bundle(bundle: Path, newer: Seed, tmp_path: Path) -> None:
    first, second = newer.bundle(tmp_path / "first", since=bundle), newer.bundle(tmp_path / "full")
    newest = seed(tmp_path / "store", images=IMAGES, models=MODELS)
    last = newest.bundle(tmp_path / "second", since=second)
    assert tree(joined([bundle, first, last], tmp_path / "joined")) == tree(newest.bundle(tmp_path / "newest"))


def test_deltas_in_the_wrong_order_are_refused(bundle: Path, newer: Seed, tmp_path: Path) -> None:
    delta = newer.bundle(tmp_path / "delta", since=bundle)
    with pytest.raises(PartError, match="name the base first"):
        joined([delta, bundle], tmp_path / "out")
    with pytest.raises(BaseError):
        joined([newer.bundle(tmp_path / "full"), delta], tmp_path / "out")
    with pytest.raises(PartError, match="with its updates"):
        joined([bundle], tmp_path / "out")


def test_a_base_that_lacks_a_blob_is_refused(bundle: Path, newer: Seed, tmp_path: Path) -> None:
    delta = newer.bundle(tmp_path / "delta", since=bundle)
    base = Path(shutil.copytree(bundle, tmp_path / "base"))
    path = removed(max((base / "blobs" / "sha256").iterdir(), key=lambda each: each.stat().st_size))
    with pytest.raises(MissingFileError, match=path.name):
        joined([base, delta], tmp_path / "out")


def test_a_delta_is_split_and_joined_too(bundle: Path, tmp_path: Path) -> None:
    grown = seed(tmp_path / "store", models={**BIG, "more": {"more.gguf": RANDOM[::-1]}})
    delta = grown.bundle(tmp_path / "delta", since=bundle)
    split_bundle(delta, tmp_path / "parts", MEDIUM, [signer("officer")], pinned(), now=NOW)
    assert tree(joined(list((tmp_path / "parts").iterdir()), tmp_path / "again")) == tree(delta)
