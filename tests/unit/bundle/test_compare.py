"""What is in a bundle, and what an update would move."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.bundle.bundles import IMAGES, MODELS, NOW, pinned, seed, signer, size
from trivet.bundle.compare import compare_bundles, inspect_bundle
from trivet.bundle.refusals import DigestError
from trivet.bundle.split import split_bundle

pytestmark = pytest.mark.usefixtures("impatient")


def test_an_inspection_says_what_is_in_a_bundle_and_who_claims_to_have_signed(tmp_path: Path) -> None:
    bundle = seed(tmp_path / "store").bundle(tmp_path / "b", "officer", "second")
    found = inspect_bundle(bundle)
    assert [entry.name for entry in found.entries] == [
        "image/gateway",
        "image/llama",
        "model/tiny",
        "model/wide",
        "sbom/image-gateway",
        "sbom/image-llama",
        "sbom/model-tiny",
        "sbom/model-wide",
        "sbom/stack-trivet",
        "stack/trivet",
    ]
    assert set(found.signatures["index.json"]) == {signer("officer").public.id, signer("second").public.id}
    assert found.carried == found.size == size(bundle)
    assert (found.base, found.part) == (None, None)


def test_an_inspection_tells_an_update_and_a_part_from_a_bundle(tmp_path: Path) -> None:
    base = seed(tmp_path / "store").bundle(tmp_path / "b")
    delta = seed(tmp_path / "newer", files={"inference.yaml": b"2"}).bundle(tmp_path / "d", since=base)
    found = inspect_bundle(delta)
    assert found.base == inspect_bundle(base).digest
    assert found.carried < (found.size or 0)
    split_bundle(base, tmp_path / "parts", 2 << 20, [], pinned(), now=NOW)
    assert inspect_bundle(tmp_path / "parts" / "part-1-of-1").part == (1, 1)


def test_a_damaged_manifest_is_not_described(tmp_path: Path) -> None:
    origin = seed(tmp_path / "store")
    bundle = origin.bundle(tmp_path / "b")
    entry = origin.store.find("model/tiny")
    assert entry
    path = bundle / "blobs" / "sha256" / entry.digest.removeprefix("sha256:")
    path.write_bytes(path.read_bytes().replace(b"tiny", b"tidy"))
    with pytest.raises(DigestError):
        inspect_bundle(bundle)


def test_a_difference_names_what_came_went_and_changed_and_what_an_update_moves(tmp_path: Path) -> None:
    before = seed(tmp_path / "one").bundle(tmp_path / "b")
    models = {"new": {"n.gguf": b"new"}, "wide": {**MODELS["wide"], "b.gguf": b"changed"}}
    after = seed(tmp_path / "two", images=IMAGES, models=models).bundle(tmp_path / "a")
    found = compare_bundles(before, after)
    assert found.added == ("model/new", "sbom/model-new")
    assert found.removed == ("model/tiny", "sbom/model-tiny")
    assert found.changed == ("model/wide", "sbom/model-wide")
    delta = seed(tmp_path / "two", models=models).bundle(tmp_path / "d", since=before)
    carried = {path.name for path in (delta / "blobs" / "sha256").iterdir()}
    assert {blob.digest.removeprefix("sha256:") for blob in found.transfer} <= carried


def test_a_bundle_does_not_differ_from_itself(tmp_path: Path) -> None:
    bundle = seed(tmp_path / "store").bundle(tmp_path / "b")
    found = compare_bundles(bundle, bundle)
    assert (found.added, found.removed, found.changed, found.transfer) == ((), (), (), ())
