"""Artifacts of files in the store: how they are kept, and what the lock says of one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trivet.bundle.files import EMPTY, EMPTY_CONFIG, Kind, files_manifest
from trivet.bundle.images import CONTEXT
from trivet.bundle.layout import Layout
from trivet.bundle.oci import MANIFEST, Descriptor, Manifest
from trivet.spec import LockedArtifact


def keep_artifact(layout: Layout, name: str, kind: Kind, files: Mapping[str, Path], inputs: str) -> LockedArtifact:
    """Put files into the store and name them.

    Args:
        layout: the store.
        name: of the artifact in its index.
        kind: what they are.
        files: where they lie, by the path that they travel under.
        inputs: digest of what decided which files they are.

    Raises:
        HostError: the disk is full; the store is as it was.
    """
    blobs = {path: layout.put_file(file, kind.media_type or "") for path, file in files.items()}
    layout.put_bytes(EMPTY_CONFIG, EMPTY)
    manifest = files_manifest(kind, blobs)
    entry = layout.put_bytes(manifest.dump(), MANIFEST)
    layout.name(name, entry.model_copy(update={"artifact_type": kind.artifact_type}), {CONTEXT: inputs})
    return _locked(entry, manifest, inputs)


def locked_artifact(layout: Layout, name: str) -> LockedArtifact | None:
    """What the lock says of an artifact; None when the store has none of that name.

    Raises:
        IntegrityError: the manifest is damaged, or a blob is missing or of another length. Digests: `Layout.verify`.
    """
    entry = layout.find(name)
    if entry is None or CONTEXT not in entry.annotations:
        return None
    manifest = layout.manifest(entry)
    for blob in manifest.blobs:
        layout.open(blob).close()
    return _locked(entry, manifest, entry.annotations[CONTEXT])


def _locked(entry: Descriptor, manifest: Manifest, inputs: str) -> LockedArtifact:
    size = entry.size + sum(blob.size for blob in manifest.blobs)
    return LockedArtifact(manifest=entry.digest, size=size, inputs=inputs)
