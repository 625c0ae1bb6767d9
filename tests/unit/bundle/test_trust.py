"""The rules by which a bundle is believed, one by one, in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.bundle.bundles import EXPIRES, NOW, pinned, signer
from trivet.bundle.documents import CREATED
from trivet.bundle.documents import EXPIRES as EXPIRES_KEY
from trivet.bundle.minisig import signature_name
from trivet.bundle.oci import CONFIG, LAYER, MANIFEST
from trivet.bundle.refusals import (
    DigestError,
    DocumentError,
    ExpiredError,
    LengthError,
    MissingFileError,
    SignatureError,
    UnexpectedFileError,
    UnsignedError,
)
from trivet.bundle.trust import TrustedBundle
from trivet.errors import IntegrityError
from trivet.spec.digest import canonical_json, sha256_digest

Json = dict[str, Any]


def descriptor(data: bytes, media_type: str, **more: Any) -> Json:
    return {"mediaType": media_type, "digest": sha256_digest(data), "size": len(data), **more}


CONFIG_DATA = b'{"os":"linux"}'
LAYER_DATA = b"layer"
MANIFEST_JSON: Json = {
    "schemaVersion": 2,
    "mediaType": MANIFEST,
    "config": descriptor(CONFIG_DATA, CONFIG),
    "layers": [descriptor(LAYER_DATA, LAYER)],
}


def manifest(change: Callable[[Json], None] | None = None) -> bytes:
    document = json.loads(json.dumps(MANIFEST_JSON))
    if change:
        change(document)
    return canonical_json(document)


def index(*manifests: bytes, change: Callable[[Json], None] | None = None) -> bytes:
    document: Json = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "artifactType": "application/vnd.trivet.bundle.v1+json",
        "annotations": {CREATED: "2026-01-01T00:00:00Z", EXPIRES_KEY: "2027-01-01T00:00:00Z"},
        "manifests": [
            descriptor(data, MANIFEST, annotations={"org.opencontainers.image.ref.name": f"image/i{number}"})
            for number, data in enumerate(manifests)
        ],
    }
    if change:
        change(document)
    return canonical_json(document)


def signed(data: bytes, document: str = "index.json", name: str = "officer") -> dict[str, bytes]:
    return {signature_name(document, signer(name).public.id): signer(name).sign(data, document)}


def admitted(data: bytes, now: datetime = NOW) -> TrustedBundle:
    trusted = TrustedBundle(pinned(), now, "b")
    trusted.admit_index(data, signed(data))
    return trusted


def believed(data: bytes) -> TrustedBundle:
    """A bundle of one manifest, whose documents are in."""
    trusted = admitted(index(data))
    trusted.admit_manifest(trusted.index.manifests[0], data)
    return trusted


def test_a_bundle_is_complete_only_when_every_blob_was_read() -> None:
    trusted = believed(manifest())
    trusted.admit_files({digest: blob.size for digest, blob in trusted.blobs.items()})
    for data in (CONFIG_DATA, LAYER_DATA):
        assert not trusted.complete
        trusted.admit_blob(sha256_digest(data), sha256_digest(data), "file")
    assert trusted.complete
    assert trusted.signers[0].key_id == signer("officer").public.id


def test_nothing_is_asked_of_a_bundle_before_its_index() -> None:
    trusted = TrustedBundle(pinned(), NOW, "b")
    assert not trusted.complete
    with pytest.raises(RuntimeError, match="index comes first"):
        _ = trusted.digest


def test_an_index_is_not_parsed_before_its_signature_is_right() -> None:
    trusted = TrustedBundle(pinned(), NOW, "b")
    with pytest.raises(SignatureError):
        trusted.admit_index(b"not JSON", signed(b"something else"))
    with pytest.raises(UnsignedError):
        trusted.admit_index(b"not JSON", {})


def test_a_refused_index_leaves_nothing_behind() -> None:
    trusted = TrustedBundle(pinned(), NOW, "b")
    data = index(manifest(), change=lambda document: document["manifests"][0].update(annotations={}))
    with pytest.raises(DocumentError):
        trusted.admit_index(data, signed(data))
    assert trusted.blobs == {}
    assert trusted.signers == ()


def test_an_unsigned_index_is_taken_only_where_nobody_is_pinned() -> None:
    trusted = TrustedBundle(None, NOW, "b")
    trusted.admit_index(index(manifest()), {})
    assert trusted.signers == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(artifactType="application/vnd.example"), "artifactType"),
        (lambda d: d.pop("artifactType"), "artifactType"),
        (lambda d: d.update(mediaType="text/plain"), "mediaType"),
        (lambda d: d.update(schemaVersion=1), "schemaVersion"),
        (lambda d: d["manifests"][0].update(size=-1), "size"),
        (lambda d: d["manifests"][0].update(size="1"), "size"),
        (lambda d: d["manifests"][0].update(digest="sha256:../../etc/passwd"), "digest"),
        (lambda d: d["manifests"][0].update(digest="md5:00"), "digest"),
    ],
)
def test_a_signed_document_that_is_no_bundle_is_refused(change: Callable[[Json], None], message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        admitted(index(manifest(), change=change))


@pytest.mark.parametrize(
    "name", ["", "image", "../image/x", "image/../x", "image/x/y", "/image/x", "image/X", "image/x."]
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(DocumentError, match="named manifests"):
        admitted(
            index(
                manifest(),
                change=lambda d: d["manifests"][0].update(annotations={"org.opencontainers.image.ref.name": name}),
            )
        )


def test_an_index_within_the_index_is_refused() -> None:
    with pytest.raises(DocumentError, match="named manifests"):
        admitted(
            index(
                manifest(),
                change=lambda d: d["manifests"][0].update(mediaType="application/vnd.oci.image.index.v1+json"),
            )
        )


def test_two_entries_of_one_name_are_refused() -> None:
    with pytest.raises(DocumentError, match="two entries of one name"):
        admitted(index(manifest(), change=lambda d: d["manifests"].append(d["manifests"][0])))


def test_one_digest_with_two_lengths_is_refused() -> None:
    def lengthen(document: Json) -> None:
        document["layers"].append({**document["layers"][0], "size": 6})

    with pytest.raises(DocumentError, match="5 and 6 bytes"):
        believed(manifest(lengthen))


def test_one_blob_may_be_named_twice() -> None:
    twice = manifest(lambda d: d["layers"].append(d["layers"][0]))
    assert len(believed(twice).blobs) == 3


def test_a_bundle_holds_until_it_expires() -> None:
    data = index(manifest())
    admitted(data, EXPIRES - timedelta(seconds=1))
    for late in (EXPIRES, EXPIRES + timedelta(days=4000)):
        with pytest.raises(ExpiredError, match="holds until 2027-01-01"):
            admitted(data, late)


def test_a_clock_before_the_bundle_was_made_is_refused_since_nothing_would_ever_expire() -> None:
    with pytest.raises(ExpiredError, match="set this machine's clock"):
        admitted(index(manifest()), datetime(1970, 1, 1, tzinfo=UTC))


def test_a_clock_does_not_matter_to_a_bundle_that_never_expires() -> None:
    data = index(manifest(), change=lambda d: d["annotations"].pop(EXPIRES_KEY))
    assert admitted(data, datetime(1970, 1, 1, tzinfo=UTC)).index.expires is None


@pytest.mark.parametrize("text", ["tomorrow", "2027-01-01", "2027-1-1T00:00:00Z", "2027-01-01T00:00:00+02:00"])
def test_a_date_that_is_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="dates are in UTC"):
        admitted(index(manifest(), change=lambda d: d["annotations"].update({EXPIRES_KEY: text})))


def test_a_manifest_is_held_against_length_and_digest_before_it_is_parsed() -> None:
    trusted = admitted(index(manifest()))
    entry = trusted.index.manifests[0]
    with pytest.raises(LengthError):
        trusted.admit_manifest(entry, b"short")
    with pytest.raises(DigestError, match=entry.digest):
        trusted.admit_manifest(entry, b"x" * entry.size)
    assert trusted.names == {}


def test_a_signed_manifest_that_is_none_is_refused() -> None:
    with pytest.raises(IntegrityError, match="manifest documents"):
        believed(b"[]")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/octet-stream",
    ],
)
def test_a_layer_that_could_unpack_to_more_than_was_signed_is_refused(media_type: str) -> None:
    with pytest.raises(DocumentError, match="and no more"):
        believed(manifest(lambda d: d["layers"][0].update(mediaType=media_type)))


@pytest.mark.parametrize("key", ["org.opencontainers.image.title", "org.cncf.model.filepath"])
@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../b", "a//b", ".hidden", "a/.git/x", "", "a\nb", "-x"])
def test_a_file_name_that_leads_elsewhere_is_refused(key: str, path: str) -> None:
    with pytest.raises(DocumentError, match="relative path of plain names"):
        believed(manifest(lambda d: d["layers"][0].update(annotations={key: path})))


@pytest.mark.parametrize(
    "path", ["inference.yaml", "stacks/Pulumi.onprem.yaml", "model-00001-of-00002.safetensors", "a_b+c"]
)
def test_a_plain_file_name_is_taken(path: str) -> None:
    believed(manifest(lambda d: d["layers"][0].update(annotations={"org.opencontainers.image.title": path})))


def test_a_missing_a_longer_and_a_foreign_file_are_each_named() -> None:
    trusted = believed(manifest())
    sizes = {digest: blob.size for digest, blob in trusted.blobs.items()}
    layer, foreign = sha256_digest(LAYER_DATA), sha256_digest(b"foreign")
    trusted.admit_files(sizes)
    with pytest.raises(MissingFileError, match=layer.removeprefix("sha256:")):
        trusted.admit_files({digest: size for digest, size in sizes.items() if digest != layer})
    with pytest.raises(LengthError, match=layer.removeprefix("sha256:")):
        trusted.admit_files({**sizes, layer: 2**60})
    with pytest.raises(UnexpectedFileError, match=foreign.removeprefix("sha256:")):
        trusted.admit_files({**sizes, foreign: 7})


def test_a_blob_with_another_digest_is_refused_and_stays_unread() -> None:
    trusted = believed(manifest())
    layer = sha256_digest(LAYER_DATA)
    trusted.admit_blob(sha256_digest(CONFIG_DATA), sha256_digest(CONFIG_DATA), "config")
    with pytest.raises(DigestError, match="the file"):
        trusted.admit_blob(layer, sha256_digest(b"other"), "the file")
    assert not trusted.complete


def delta(trusted: TrustedBundle, **more: Any) -> bytes:
    return canonical_json(
        {
            "schemaVersion": 1,
            "mediaType": "application/vnd.trivet.bundle.delta.v1+json",
            "index": trusted.digest,
            "base": sha256_digest(b"base"),
            "carries": [entry.digest for entry in trusted.index.manifests],
            **more,
        }
    )


def test_a_delta_needs_only_what_it_says_that_it_carries() -> None:
    data = manifest()
    trusted = admitted(index(data))
    list_ = delta(trusted)
    trusted.admit_delta(list_, signed(list_, "delta.json"))
    trusted.admit_manifest(trusted.index.manifests[0], data)
    trusted.admit_files({sha256_digest(data): len(data)})
    assert not trusted.complete
    with pytest.raises(UnexpectedFileError):
        trusted.admit_files({sha256_digest(data): len(data), sha256_digest(LAYER_DATA): 5})


def test_a_delta_of_another_bundle_is_refused() -> None:
    trusted = admitted(index(manifest()))
    data = delta(trusted, index=sha256_digest(b"another"))
    with pytest.raises(DocumentError, match="the delta is of this bundle"):
        trusted.admit_delta(data, signed(data, "delta.json"))
    assert trusted.delta is None


def test_a_delta_that_nobody_signed_is_refused() -> None:
    trusted = admitted(index(manifest()))
    with pytest.raises(UnsignedError):
        trusted.admit_delta(delta(trusted), {})


def test_a_delta_that_carries_what_its_index_does_not_name_is_refused() -> None:
    trusted = admitted(index(manifest()))
    data = delta(trusted, carries=[sha256_digest(b"foreign")])
    trusted.admit_delta(data, signed(data, "delta.json"))
    with pytest.raises(DocumentError, match="carries blobs of its index"):
        trusted.admit_files({})
