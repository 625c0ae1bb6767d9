"""One thing wrong with a bundle, one exception that names it, and nothing changed on disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.bundle.bundles import CREATED, EXPIRES, MODELS, NOW, Seed, pinned, seed, signer, tree
from trivet.bundle.install import Target, install_bundle
from trivet.bundle.pinned import Pinned
from trivet.bundle.refusals import (
    BaseError,
    DigestError,
    DocumentError,
    ExpiredError,
    LengthError,
    MissingFileError,
    PartError,
    SignatureError,
    ThresholdError,
    UnexpectedFileError,
    UnsignedError,
)
from trivet.bundle.split import split_bundle
from trivet.bundle.verify import verify_bundle
from trivet.errors import IntegrityError

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    return seed(tmp_path_factory.mktemp("origin") / "store")


@pytest.fixture(scope="module")
def signed(origin: Seed) -> Path:
    return origin.bundle(origin.store.root.parent / "bundle")


@pytest.fixture
def bundle(signed: Path, tmp_path: Path) -> Path:
    shutil.copytree(signed, tmp_path / "bundle")
    return tmp_path / "bundle"


def largest(bundle: Path) -> Path:
    return max((bundle / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)


def smallest(bundle: Path) -> Path:
    return min((bundle / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)


def manifest(bundle: Path) -> Path:
    return next(path for path in (bundle / "blobs" / "sha256").iterdir() if b'"schemaVersion"' in path.read_bytes())


def signature(bundle: Path) -> Path:
    return next(bundle.glob("index.json.*.minisig"))


def flip(path: Path, at: int = -1) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-1])
    return path


def lengthen(path: Path) -> Path:
    path.write_bytes(path.read_bytes() + b"\0")
    return path


def removed(path: Path) -> Path:
    path.unlink()
    return path


def linked(path: Path) -> Path:
    """The same bytes, elsewhere."""
    bundle = next(parent for parent in path.parents if parent.name == "bundle")
    elsewhere = path.rename(bundle.with_name("elsewhere"))
    path.symlink_to(elsewhere)
    return path


def added(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    return path


def swapped(bundle: Path) -> Path:
    one, two = smallest(bundle), largest(bundle)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    return one.parent


def swapped_equals(bundle: Path) -> Path:
    """Two blobs of one length, exchanged: only their digests tell."""
    sizes: dict[int, Path] = {}
    for path in sorted((bundle / "blobs" / "sha256").iterdir()):
        size = path.stat().st_size
        if size in sizes and b"schemaVersion" not in path.read_bytes():
            first, second = path.read_bytes(), sizes[size].read_bytes()
            path.write_bytes(second)
            sizes[size].write_bytes(first)
            return path.parent
        if b"schemaVersion" not in path.read_bytes():
            sizes[size] = path
    raise AssertionError("the bundle has no two blobs of one length")


def directory(path: Path) -> Path:
    path.mkdir()
    return path


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def case_of(path: Path) -> Path:
    return path.rename(path.with_name(path.name.upper()))


def orphan(bundle: Path) -> Path:
    return added(bundle / f"part.json.{'0' * 16}.minisig").with_name("part.json")


MUTATIONS: list[tuple[str, Callable[[Path], Path], type[IntegrityError]]] = [
    ("a byte of the index", lambda b: flip(b / "index.json"), SignatureError),
    ("the index is cut", lambda b: cut(b / "index.json"), SignatureError),
    ("no index", lambda b: removed(b / "index.json"), MissingFileError),
    ("a byte of the signature", lambda b: flip(signature(b), 100), SignatureError),
    ("a byte of the untrusted comment", lambda b: flip(signature(b), 20), SignatureError),
    ("a byte of the trusted comment", lambda b: flip(signature(b), 190), SignatureError),
    ("the signature is cut", lambda b: cut(signature(b)), SignatureError),
    ("no signature", lambda b: removed(signature(b)).with_name("index.json"), UnsignedError),
    ("no marker", lambda b: removed(b / "oci-layout"), MissingFileError),
    ("a byte of the marker", lambda b: flip(b / "oci-layout", 5), DocumentError),
    ("a byte of a manifest", lambda b: flip(manifest(b)), DigestError),
    ("a manifest is cut", lambda b: cut(manifest(b)), LengthError),
    ("no manifest", lambda b: removed(manifest(b)), MissingFileError),
    ("the first byte of a blob", lambda b: flip(largest(b), 0), DigestError),
    ("the last byte of a blob", lambda b: flip(largest(b)), DigestError),
    ("a small blob", lambda b: flip(smallest(b)), DigestError),
    ("a blob is cut", lambda b: cut(largest(b)), LengthError),
    ("a blob is longer", lambda b: lengthen(largest(b)), LengthError),
    ("no blob", lambda b: removed(largest(b)), MissingFileError),
    ("blobs are exchanged", swapped, LengthError),
    ("blobs of one length are exchanged", swapped_equals, DigestError),
    ("a blob is a link", lambda b: linked(largest(b)), UnexpectedFileError),
    ("the index is a link", lambda b: linked(b / "index.json"), UnexpectedFileError),
    ("a blob too many", lambda b: added(b / "blobs" / "sha256" / ("0" * 64)), UnexpectedFileError),
    ("a file too many", lambda b: added(b / "README"), UnexpectedFileError),
    ("a hidden file too many", lambda b: added(b / "blobs" / ".x"), UnexpectedFileError),
    ("a directory too many", lambda b: directory(b / "blobs" / "sha512"), UnexpectedFileError),
    ("a directory for a blob", lambda b: directory(b / "blobs" / "sha256" / ("0" * 64)), UnexpectedFileError),
    ("a pipe", lambda b: pipe(b / "blobs" / "sha256" / ("0" * 64)), UnexpectedFileError),
    ("a blob in capitals", lambda b: case_of(largest(b)), UnexpectedFileError),
    ("a packing list of nobody", lambda b: added(b / "delta.json"), UnsignedError),
    (
        "a signature of nothing",
        lambda b: added(b / f"part.json.{'0' * 16}.minisig").with_name("part.json"),
        MissingFileError,
    ),
]


@pytest.mark.parametrize(("mutate", "error"), [case[1:] for case in MUTATIONS], ids=[case[0] for case in MUTATIONS])
def test_one_mutation_is_refused_with_its_own_error_that_names_the_file(
    bundle: Path, tmp_path: Path, mutate: Callable[[Path], Path], error: type[IntegrityError]
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    culprit = mutate(bundle)
    before = tree(tmp_path)
    with pytest.raises(error) as refused:
        verify_bundle(bundle, pinned(), now=NOW)
    assert str(culprit) in refused.value.where
    with pytest.raises(error):
        install_bundle(bundle, Target(target / ".trivet" / "store", target), pinned(), now=NOW)
    assert tree(tmp_path) == before


@dataclass(frozen=True)
class Bench:
    """A bundle in each form, whole, as a delta and as parts, and a place to spoil them in."""

    forms: dict[str, Path]
    scratch: Path


@pytest.fixture(scope="module")
def forms(origin: Seed, signed: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    root = tmp_path_factory.mktemp("forms")
    newer = seed(root / "store", models={**MODELS, "tiny": {"tiny.gguf": b"other weights" * 300}})
    tar = origin.bundle(root / "bundle.tar")
    delta = newer.bundle(root / "delta", since=signed)
    return Bench({"directory": signed, "tar": tar, "delta": delta}, root / "scratch")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_byte_of_any_file_in_any_form_can_be_changed(forms: Bench, data: st.DataObject) -> None:
    form = forms.forms[data.draw(st.sampled_from(sorted(forms.forms)))]
    remove(forms.scratch)
    if form.is_file():
        forms.scratch.mkdir()
        copy = Path(shutil.copy(form, forms.scratch))
        file = copy
    else:
        copy = Path(shutil.copytree(form, forms.scratch))
        file = data.draw(st.sampled_from(sorted(path for path in copy.rglob("*") if path.is_file())))
    content = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    with pytest.raises(IntegrityError):
        verify_bundle(copy, pinned(), now=NOW)


def remove(path: Path) -> None:
    if path.exists():
        shutil.rmtree(path)


@pytest.mark.parametrize("form", ["directory", "tar", "delta"])
def test_an_untouched_bundle_is_believed_in_every_form(forms: Bench, form: str, signed: Path) -> None:
    found = verify_bundle(forms.forms[form], pinned(), now=NOW)
    assert [each.key_id for each in found.trusted.signers] == [signer("officer").public.id]
    assert found.trusted.complete == (form != "delta")
    if form == "delta":
        assert verify_bundle(forms.forms[form], pinned(), now=NOW, base=signed).trusted.complete


def test_a_bundle_of_another_signer_is_refused_however_whole_it_is(signed: Path) -> None:
    with pytest.raises(UnsignedError, match=signer("officer").public.id):
        verify_bundle(signed, pinned("stranger"), now=NOW)


def test_one_signature_is_not_enough_where_two_must_sign(origin: Seed, signed: Path, tmp_path: Path) -> None:
    both = pinned("officer", "second", threshold=2)
    with pytest.raises(ThresholdError, match="2 of the 2"):
        verify_bundle(signed, both, now=NOW)
    assert len(verify_bundle(origin.bundle(tmp_path / "b", "officer", "second"), both, now=NOW).trusted.signers) == 2


def test_an_unsigned_bundle_is_believed_only_where_that_is_allowed(bundle: Path) -> None:
    signature(bundle).unlink()
    with pytest.raises(UnsignedError):
        verify_bundle(bundle, pinned(), now=NOW)
    assert verify_bundle(bundle, None, now=NOW).trusted.complete


def test_what_is_allowed_unsigned_is_still_held_against_its_digests(bundle: Path) -> None:
    signature(bundle).unlink()
    flip(largest(bundle))
    with pytest.raises(DigestError):
        verify_bundle(bundle, None, now=NOW)


@pytest.mark.parametrize("keys", [pinned(), None], ids=["signed", "unsigned"])
def test_an_expired_bundle_is_refused_signed_or_not(signed: Path, keys: Pinned | None) -> None:
    verify_bundle(signed, keys, now=CREATED)
    with pytest.raises(ExpiredError):
        verify_bundle(signed, keys, now=EXPIRES)


def test_a_base_that_the_delta_was_not_made_for_is_refused(forms: Bench) -> None:
    with pytest.raises(BaseError, match="the base of"):
        verify_bundle(forms.forms["delta"], pinned(), now=NOW, base=forms.forms["delta"])


def test_a_base_for_a_whole_bundle_is_refused(signed: Path) -> None:
    with pytest.raises(BaseError, match="the bundle is whole"):
        verify_bundle(signed, pinned(), now=NOW, base=signed)


def test_a_part_is_no_bundle(signed: Path, tmp_path: Path) -> None:
    split_bundle(signed, tmp_path / "parts", 2 << 20, [signer("officer")], pinned(), now=NOW)
    with pytest.raises(PartError, match="trivet bundle join"):
        verify_bundle(tmp_path / "parts" / "part-1-of-1", pinned(), now=NOW)


def test_nothing_of_that_name_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="check the path"):
        verify_bundle(tmp_path / "nothing", pinned(), now=NOW)


def test_a_signature_file_that_is_far_too_large_is_not_read(bundle: Path) -> None:
    signature(bundle).write_bytes(b"x" * (17 << 10))
    with pytest.raises(LengthError, match="at most 16384"):
        verify_bundle(bundle, pinned(), now=NOW)


def test_an_index_that_is_far_too_large_is_not_read(bundle: Path) -> None:
    with (bundle / "index.json").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(LengthError, match="at most 4194304"):
        verify_bundle(bundle, pinned(), now=NOW)


def test_more_signatures_than_anybody_needs_are_not_read(bundle: Path) -> None:
    for number in range(64):
        (bundle / f"index.json.{number:016X}.minisig").write_bytes(b"x")
    with pytest.raises(LengthError, match="65 signatures"):
        verify_bundle(bundle, pinned(), now=NOW)
