"""Streams an image of a store as the tar that `docker load` reads: constant memory, no compression, every blob checked.

The tar is at once a Docker archive (`manifest.json`, for engines from 1.10 on) and an OCI layout (`index.json`, for the
containerd image store of Docker 25 and later), as `docker save` writes it since Docker 25.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import Final

from trivet.bundle.layout import MARKER, Layout
from trivet.bundle.oci import INDEX, REF_NAME, Descriptor, Index
from trivet.spec.digest import canonical_json

CONTAINERD_NAME: Final = "io.containerd.image.name"


def docker_archive(layout: Layout, manifest_digest: str, reference: str, *, without: int = 0) -> Iterator[bytes]:
    """Yield the tar of one image, in chunks of at most 1 MiB.

    Args:
        layout: the store.
        manifest_digest: of an image in the store's index.
        reference: the name that the engine gives to the image, as `trivet/llama:0123456789ab`.

        without: how many of the first layers to leave out, because the engine has them.

    Raises:
        IntegrityError: the image or a blob is missing, or is not what its digest promises. The tar is then cut short
            before its end mark, so that no engine takes it for whole.
    """
    entry = layout.entry(manifest_digest)
    manifest = layout.manifest(entry)
    image = entry.model_copy(
        update={"annotations": {CONTAINERD_NAME: _familiar(reference), REF_NAME: reference.rpartition(":")[2]}}
    )
    layers = [_name(layer) for layer in manifest.layers]
    yield from _file("oci-layout", MARKER)
    yield from _file("index.json", Index(schema_version=2, media_type=INDEX, manifests=(image,)).dump())
    yield from _file(
        "manifest.json", canonical_json([{"Config": _name(manifest.config), "RepoTags": [reference], "Layers": layers}])
    )
    present = {blob.digest for blob in manifest.layers[:without]} - {blob.digest for blob in manifest.layers[without:]}
    for blob in (entry, *manifest.blobs):
        if blob.digest in present:
            continue
        yield _header(_name(blob), blob.size)
        yield from layout.stream(blob)
        yield _padding(blob.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _name(blob: Descriptor) -> str:
    return f"blobs/{blob.digest.replace(':', '/')}"


def _familiar(reference: str) -> str:
    """The full form of a local name: containerd, unlike Docker, adds no default registry to it."""
    return f"docker.io/{reference}"


def _file(name: str, data: bytes) -> Iterator[bytes]:
    yield _header(name, len(data))
    yield data
    yield _padding(len(data))


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
