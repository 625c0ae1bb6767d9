"""OCI documents are read strictly and written canonically."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.bundle.oci import EMPTY_INDEX, MANIFEST, REF_NAME, Descriptor, Index, Manifest
from trivet.errors import IntegrityError
from trivet.spec.digest import sha256_digest

DIGEST = sha256_digest(b"x")
digests = st.binary(max_size=8).map(sha256_digest)
texts = st.text(max_size=12)
descriptors = st.builds(
    Descriptor,
    media_type=texts,
    digest=digests,
    size=st.integers(min_value=0, max_value=2**60),
    artifact_type=st.none() | texts,
    annotations=st.dictionaries(texts, texts, max_size=3),
)


def descriptor(**changes: object) -> bytes:
    return json.dumps({"mediaType": MANIFEST, "digest": DIGEST, "size": 1} | changes).encode()


@given(descriptors)
def test_a_descriptor_survives_the_round_trip(value: Descriptor) -> None:
    assert Descriptor.parse(value.dump(), "here") == value


@given(descriptors, st.lists(descriptors, max_size=4))
def test_a_manifest_survives_the_round_trip(config: Descriptor, layers: list[Descriptor]) -> None:
    manifest = Manifest(schema_version=2, media_type=MANIFEST, config=config, layers=tuple(layers))
    assert Manifest.parse(manifest.dump(), "here") == manifest
    assert [blob.digest for blob in manifest.blobs] == list(dict.fromkeys(blob.digest for blob in (config, *layers)))


def test_a_well_formed_descriptor_is_read() -> None:
    assert Descriptor.parse(descriptor(), "here").digest == DIGEST


@pytest.mark.parametrize(
    "digest",
    [
        "sha256:../../../../etc/passwd",
        "sha256:" + "A" * 64,
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "0" * 64 + "\n",
        "sha512:" + "0" * 64,
        "0" * 64,
        "sha256:" + "0" * 32 + "/" + "0" * 31,
    ],
)
def test_a_digest_that_could_name_a_path_is_refused(digest: str) -> None:
    with pytest.raises(IntegrityError, match="digest"):
        Descriptor.parse(descriptor(digest=digest), "here")


@pytest.mark.parametrize("size", [-1, "1", 1.5, True, None])
def test_a_size_that_is_no_byte_count_is_refused(size: object) -> None:
    with pytest.raises(IntegrityError, match="size"):
        Descriptor.parse(descriptor(size=size), "here")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"schemaVersion":1,"manifests":[]}'])
def test_what_is_no_index_is_refused_with_its_place(data: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"^here: "):
        Index.parse(data, "here")


def test_unknown_keys_are_passed_on() -> None:
    value = Descriptor.parse(descriptor(urls=["https://example.org"]), "here")
    assert json.loads(value.dump())["urls"] == ["https://example.org"]


def named(ref: str, content: bytes) -> Descriptor:
    return Descriptor(media_type=MANIFEST, digest=sha256_digest(content), size=1, annotations={REF_NAME: ref})


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.binary(max_size=2)), max_size=8))
def test_an_index_holds_the_last_entry_of_each_name_in_order(entries: list[tuple[str, bytes]]) -> None:
    index = EMPTY_INDEX
    for ref, content in entries:
        index = index.replacing(named(ref, content))
    expected = {ref: sha256_digest(content) for ref, content in entries}
    assert [(entry.ref, entry.digest) for entry in index.manifests] == sorted(expected.items())
    for ref, digest in expected.items():
        found = index.find(ref)
        assert found is not None
        assert found.digest == digest
        assert index.without(ref).find(ref) is None


def test_the_order_of_entering_leaves_no_trace() -> None:
    one, two = named("a", b"1"), named("b", b"2")
    assert EMPTY_INDEX.replacing(one).replacing(two).dump() == EMPTY_INDEX.replacing(two).replacing(one).dump()
