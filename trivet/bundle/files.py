"""Files as OCI artifacts: one layer a file, named by its path. No I/O.

The stack's own files, tools, Python wheels and Debian packages travel alike; what differs is their `Kind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from trivet.bundle.oci import MANIFEST, Descriptor, Manifest
from trivet.bundle.trust import TITLE
from trivet.spec.digest import sha256_digest

FILE: Final = "application/vnd.trivet.stack.file.v1"
PROGRAM: Final = "application/vnd.trivet.program.v1"
SETTINGS: Final = "application/vnd.trivet.stack.settings.v1"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
EMPTY_CONFIG: Final = (
    b"{}"  # https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md#guidance-for-an-empty-descriptor
)
_SETTINGS_FILES: Final = "stacks/Pulumi."


@dataclass(frozen=True)
class Kind:
    """A kind of artifact.

    Attributes:
        artifact_type: its OCI artifact type.
        media_type: of its files; None where it depends on the file.
        directory: where in a project an installation puts them; None leaves them in the store.
    """

    artifact_type: str
    media_type: str | None
    directory: str | None


STACK: Final = Kind("application/vnd.trivet.stack.v1+json", None, "")
TOOLS: Final = Kind("application/vnd.trivet.tools.v1+json", PROGRAM, ".trivet/bin/")
WHEELS: Final = Kind("application/vnd.trivet.wheels.v1+json", "application/zip", None)
DEBIAN: Final = Kind("application/vnd.trivet.debian.v1+json", "application/vnd.debian.binary-package", None)
CHART: Final = Kind(
    "application/vnd.cncf.helm.config.v1+json",
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    ".trivet/charts/",
)
GITOPS: Final = Kind("application/vnd.trivet.gitops.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip", None)
KINDS: Final = {kind.artifact_type: kind for kind in (STACK, TOOLS, WHEELS, DEBIAN, CHART, GITOPS)}


def describe(data: bytes, media_type: str) -> Descriptor:
    """A descriptor of bytes at hand."""
    return Descriptor(media_type=media_type, digest=sha256_digest(data), size=len(data))


def files_manifest(kind: Kind, files: Mapping[str, Descriptor]) -> Manifest:
    """The manifest of an artifact; `files` are its blobs by relative path."""
    layers = tuple(files[path].model_copy(update={"annotations": {TITLE: path}}) for path in sorted(files))
    return Manifest(
        schema_version=2,
        media_type=MANIFEST,
        artifact_type=kind.artifact_type,
        config=describe(EMPTY_CONFIG, EMPTY),
        layers=layers,
    )


def files_of(manifest: Manifest) -> dict[str, Descriptor]:
    """The files that an artifact brings into a project, by their path there; none where it brings none."""
    kind = KINDS.get(manifest.type)
    if kind is None or kind.directory is None:
        return {}
    return {
        f"{kind.directory}{layer.annotations[TITLE]}": layer for layer in manifest.layers if TITLE in layer.annotations
    }


def mode_of(blob: Descriptor) -> int:
    """The permissions that a file has in a project."""
    return 0o755 if blob.media_type == PROGRAM else 0o644


def is_settings(blob: Descriptor) -> bool:
    """True for what an installation brings once and then leaves to the host."""
    return blob.media_type == SETTINGS


def stack_type(path: str, data: bytes) -> str:
    """The media type of one of the stack's own files."""
    if path.startswith(_SETTINGS_FILES):
        return SETTINGS
    return PROGRAM if data.startswith(b"#!") else FILE
