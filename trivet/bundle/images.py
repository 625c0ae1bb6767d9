"""Images in the store: how they are named, and what the lock says of one."""

from __future__ import annotations

from trivet.bundle.layout import Layout
from trivet.bundle.oci import LAYER, Descriptor, Manifest
from trivet.errors import IntegrityError
from trivet.spec.lock import LockedImage

CONTEXT = "trivet.context"  # annotation of an index entry: digest of what the image was built from


def image_ref(name: str) -> str:
    """The name of an image in the store's index."""
    return f"image/{name}"


def locked_image(layout: Layout, name: str) -> LockedImage | None:
    """What the lock says of an image; None when the store has none that `trivet build` made.

    Raises:
        IntegrityError: the manifest is damaged, or a blob is missing or of another length. Digests: `Layout.verify`.
    """
    entry = layout.find(image_ref(name))
    if entry is None or CONTEXT not in entry.annotations:
        return None
    manifest = layout.manifest(entry)
    for blob in manifest.blobs:
        layout.open(blob).close()
    return _locked(entry, manifest, entry.annotations[CONTEXT])


def keep_image(layout: Layout, name: str, built: Layout, context: str) -> LockedImage:
    """Take over the one image of another layout, which loses its blobs, and name it.

    Raises:
        IntegrityError: the layout has no single image, a blob is broken, or a layer is compressed.
        HostError: the disk is full; the store is as it was.
    """
    (entry,) = built.index().manifests
    manifest = built.manifest(entry)
    for layer in manifest.layers:
        _require_plain(layer)
    for blob in (*manifest.blobs, entry):
        layout.adopt(built, blob)
    layout.name(image_ref(name), entry, {CONTEXT: context})
    return _locked(entry, manifest, context)


def _locked(entry: Descriptor, manifest: Manifest, context: str) -> LockedImage:
    size = entry.size + sum(blob.size for blob in manifest.blobs)
    return LockedImage(manifest=entry.digest, config=manifest.config.digest, size=size, context=context)


def _require_plain(layer: Descriptor) -> None:
    if layer.media_type != LAYER:
        raise IntegrityError(
            value=layer.media_type,
            rule=f"the store holds layers as {LAYER}: what is compressed again on another machine gets another digest",
            remedy="build the image with `trivet build`",
        )
