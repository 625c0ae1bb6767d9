"""The stack's own files as an OCI artifact: one layer a file, named by its path. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trivet.bundle.oci import MANIFEST, REF_NAME, Descriptor, Manifest
from trivet.bundle.trust import TITLE
from trivet.spec.digest import sha256_digest

ARTIFACT: Final = "application/vnd.trivet.stack.v1+json"
FILE: Final = "application/vnd.trivet.stack.file.v1"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
STACK_FILES: Final = ("inference.yaml", "inference.lock")
_EMPTY_CONFIG: Final = (
    b"{}"  # https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md#guidance-for-an-empty-descriptor
)


def reference(stack: str) -> str:
    """The name of a stack's files in a bundle's index."""
    return f"stack/{stack}"


def pack_files(stack: str, files: Mapping[str, bytes]) -> tuple[Descriptor, dict[str, bytes]]:
    """An artifact of files.

    Args:
        stack: the stack's name.
        files: their bytes, by relative path.

    Returns:
        The index entry, and the bytes of every blob by digest.
    """
    layers = tuple(
        _describe(files[path], FILE).model_copy(update={"annotations": {TITLE: path}}) for path in sorted(files)
    )
    config = _describe(_EMPTY_CONFIG, EMPTY)
    manifest = Manifest(
        schema_version=2, media_type=MANIFEST, artifact_type=ARTIFACT, config=config, layers=layers
    ).dump()
    entry = _describe(manifest, MANIFEST).model_copy(
        update={"artifact_type": ARTIFACT, "annotations": {REF_NAME: reference(stack)}}
    )
    blobs = (_EMPTY_CONFIG, manifest, *files.values())
    return entry, {sha256_digest(data): data for data in blobs}


def files_of(manifest: Manifest) -> dict[str, Descriptor]:
    """The files of such an artifact by path; none where it is another kind."""
    if manifest.artifact_type != ARTIFACT:
        return {}
    return {layer.annotations[TITLE]: layer for layer in manifest.layers if TITLE in layer.annotations}


def _describe(data: bytes, media_type: str) -> Descriptor:
    return Descriptor(media_type=media_type, digest=sha256_digest(data), size=len(data))
