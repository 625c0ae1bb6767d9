"""Bills of materials as OCI artifacts: each names the manifest that it describes as its `subject`.

Source: https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md#guidelines-for-artifact-usage
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cyclonedx.model.component import ComponentType

from trivet.bundle.files import EMPTY, EMPTY_CONFIG, describe
from trivet.bundle.layout import Layout
from trivet.bundle.oci import MANIFEST, REF_NAME, Descriptor, Manifest
from trivet.bundle.packed import Packed
from trivet.bundle.sbom.contents import parts_of, subject_of
from trivet.bundle.sbom.document import Part, write_sbom
from trivet.bundle.sbom.names import ARTIFACT, sbom_name
from trivet.bundle.trust import TITLE
from trivet.spec.digest import sha256_digest


def attach_sboms(
    layout: Layout, entries: Iterable[Descriptor], created: datetime | None
) -> tuple[list[Descriptor], dict[str, bytes]]:
    """Describe what entries of the store consist of.

    Args:
        layout: the store.
        entries: images, models and artifacts of files.
        created: the date that the documents bear.

    Returns:
        The index entries, and the bytes of every blob by digest.

    Raises:
        IntegrityError: a blob is missing or has another length.
    """
    attached: list[Descriptor] = []
    blobs: dict[str, bytes] = {}
    for entry in entries:
        manifest = layout.manifest(entry)
        subject = subject_of(layout, entry.ref.partition("/")[2], entry, manifest)
        if subject is None:
            continue
        bill, made = _attach(entry, write_sbom(subject, parts_of(layout, manifest), created))
        attached.append(bill)
        blobs |= made
    return attached, blobs


def attach_packed(packed: Iterable[Packed], created: datetime | None) -> tuple[list[Descriptor], dict[str, bytes]]:
    """The same for artifacts that lie in no store: their components are the files that were put in."""
    attached: list[Descriptor] = []
    blobs: dict[str, bytes] = {}
    for each in packed:
        name = each.name.partition("/")[2]
        subject = Part(name, each.version or each.digest, ComponentType.FILE, digest=each.digest)
        parts = [
            Part(path, kind=ComponentType.FILE, digest=sha256_digest(data), properties={"bytes": str(len(data))})
            for path, data in sorted(each.files.items())
        ]
        bill, made = _attach(each.entry, write_sbom(subject, parts, created))
        attached.append(bill)
        blobs |= made
    return attached, blobs


def _attach(entry: Descriptor, document: bytes) -> tuple[Descriptor, dict[str, bytes]]:
    """The index entry of an entry's bill, and its blobs."""
    config = describe(EMPTY_CONFIG, EMPTY)
    title = f"{entry.ref.replace('/', '-')}.cdx.json"
    layer = describe(document, ARTIFACT).model_copy(update={"annotations": {TITLE: title}})
    listed = Manifest(
        schema_version=2,
        media_type=MANIFEST,
        artifact_type=ARTIFACT,
        config=config,
        layers=(layer,),
        subject=Descriptor(media_type=entry.media_type, digest=entry.digest, size=entry.size),
    ).dump()
    bill = describe(listed, MANIFEST).model_copy(
        update={"artifact_type": ARTIFACT, "annotations": {REF_NAME: sbom_name(entry.ref)}}
    )
    return bill, {config.digest: EMPTY_CONFIG, layer.digest: document, bill.digest: listed}
