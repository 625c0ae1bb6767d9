"""A second person vouches for a bundle that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.bundle.bundles import NOW, pinned, seed, signer, tree
from trivet.bundle.refusals import DigestError, UnsignedError
from trivet.bundle.sign import sign_bundle
from trivet.bundle.verify import verify_bundle
from trivet.errors import HostError

pytestmark = pytest.mark.usefixtures("impatient")

BOTH = pinned("officer", "second", threshold=2)


def test_a_second_signature_reaches_the_threshold(tmp_path: Path) -> None:
    origin = seed(tmp_path / "store")
    bundle = origin.bundle(tmp_path / "b")
    assert sign_bundle(bundle, [signer("second")], pinned()) == (f"index.json.{signer('second').public.id}.minisig",)
    verify_bundle(bundle, BOTH, now=NOW)
    assert tree(bundle) == tree(origin.bundle(tmp_path / "at once", "officer", "second"))


def test_a_delta_is_signed_with_its_list(tmp_path: Path) -> None:
    origin = seed(tmp_path / "store")
    base = origin.bundle(tmp_path / "base")
    delta = seed(tmp_path / "newer", files={"inference.yaml": b"2"}).bundle(tmp_path / "delta", since=base)
    assert len(sign_bundle(delta, [signer("second")], None)) == 2
    verify_bundle(delta, BOTH, now=NOW)


def test_an_unsound_bundle_is_not_signed(tmp_path: Path) -> None:
    bundle = seed(tmp_path / "store").bundle(tmp_path / "b")
    path = next((bundle / "blobs" / "sha256").iterdir())
    path.write_bytes(bytes(path.stat().st_size))
    before = tree(bundle)
    with pytest.raises(DigestError):
        sign_bundle(bundle, [signer("second")], None)
    assert tree(bundle) == before


def test_who_must_have_signed_before_is_checked(tmp_path: Path) -> None:
    bundle = seed(tmp_path / "store").bundle(tmp_path / "b")
    with pytest.raises(UnsignedError):
        sign_bundle(bundle, [signer("second")], pinned("stranger"))


def test_a_dry_run_names_the_signature_and_writes_none(tmp_path: Path) -> None:
    bundle = seed(tmp_path / "store").bundle(tmp_path / "b")
    before = tree(bundle)
    assert sign_bundle(bundle, [signer("second")], None, dry_run=True)
    assert tree(bundle) == before


def test_a_tar_has_no_room_for_a_signature(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="a tar"):
        sign_bundle(seed(tmp_path / "store").bundle(tmp_path / "b.tar"), [signer("second")], None)
