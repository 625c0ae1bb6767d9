"""Bills of materials as OCI artifacts: each names the manifest that it describes as its `subject`.

Source: https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md#guidelines-for-artifact-usage
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from trivet.bundle.files import EMPTY, EMPTY_CONFIG, describe
from trivet.bundle.layout import Layout
from trivet.bundle.oci import MANIFEST, REF_NAME, Descriptor, Manifest
from trivet.bundle.sbom.contents import parts_of, subject_of
from trivet.bundle.sbom.document import write_sbom
from trivet.bundle.sbom.names import ARTIFACT, sbom_name
from trivet.bundle.trust import TITLE


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
    config = describe(EMPTY_CONFIG, EMPTY)
    attached, blobs = [], {config.digest: EMPTY_CONFIG}
    for entry in entries:
        manifest = layout.manifest(entry)
        kind, _, name = entry.ref.partition("/")
        subject = subject_of(layout, name, entry, manifest)
        if subject is None:
            continue
        document = write_sbom(subject, parts_of(layout, manifest), created)
        layer = describe(document, ARTIFACT).model_copy(update={"annotations": {TITLE: f"{kind}-{name}.cdx.json"}})
        listed = Manifest(
            schema_version=2,
            media_type=MANIFEST,
            artifact_type=ARTIFACT,
            config=config,
            layers=(layer,),
            subject=Descriptor(media_type=entry.media_type, digest=entry.digest, size=entry.size),
        ).dump()
        attached.append(
            describe(listed, MANIFEST).model_copy(
                update={"artifact_type": ARTIFACT, "annotations": {REF_NAME: sbom_name(entry.ref)}}
            )
        )
        blobs |= {layer.digest: document, attached[-1].digest: listed}
    return attached, blobs
