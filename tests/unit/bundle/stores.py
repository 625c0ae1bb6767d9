"""Small real stores for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trivet.bundle.layout import Layout
from trivet.bundle.oci import CONFIG, LAYER, MANIFEST, Descriptor, Manifest
from trivet.spec.digest import canonical_json


def put_image(layout: Layout, ref: str, layers: Sequence[bytes], *, layer_type: str = LAYER) -> Descriptor:
    """Store an image with these layers and name it; returns its index entry."""
    blobs = tuple(layout.put_bytes(layer, layer_type) for layer in layers)
    config = layout.put_bytes(
        canonical_json(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [blob.digest for blob in blobs]},
            }
        ),
        CONFIG,
    )
    manifest = Manifest(schema_version=2, media_type=MANIFEST, config=config, layers=blobs)
    return layout.name(ref, layout.put_bytes(manifest.dump(), MANIFEST))


def store(root: Path) -> Layout:
    """A store with one image of two layers."""
    layout = Layout.create(root)
    put_image(layout, "image/llama", (b"base" * 5000, b"top"))
    return layout


def tree(root: Path) -> dict[str, bytes]:
    """Every file below `root`."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
