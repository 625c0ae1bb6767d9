"""The image of a managed endpoint, put together from the stack's images in the store: no engine, no network.

The root's layers stay what they are; the others' files go into layers of their own, below /srv. Everything follows from
the lock, so the same lock gives the same digest.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from typing import Any, Final, cast

from trivet.bundle.images import CONTEXT, image_ref
from trivet.bundle.layout import Layout
from trivet.bundle.oci import CONFIG, LAYER, MANIFEST, Descriptor, Manifest
from trivet.bundle.relocate import relocate
from trivet.render.endpoint import image_config
from trivet.render.node_image import NodeImage
from trivet.spec.digest import canonical_json, json_digest
from trivet.spec.lock import Lock

NAME: Final = "endpoint"
RECIPE: Final = 1  # another number, another image: raise it when what is done here changes
CHUNK: Final = 1 << 20


def endpoint_image(store: Layout, image: NodeImage, lock: Lock) -> Descriptor:
    """The image's entry in the store, made where it is not there yet.

    Raises:
        IntegrityError: the store does not hold the lock's images, or a layer is not what the lock promises.
        HostError: the disk is full.
    """
    context = json_digest([RECIPE, {name: each.manifest for name, each in lock.images.items()}, image.base])
    found = store.find(image_ref(NAME))
    if found is not None and found.annotations.get(CONTEXT) == context:
        return found
    root = _manifest(store, image.base, lock)
    added = [
        layer for name in sorted({copy.image for copy in image.copies}) for layer in _moved(store, image, name, lock)
    ]
    config = store.put_bytes(canonical_json(_config(store, image, root, added)), CONFIG)
    manifest = Manifest(schema_version=2, media_type=MANIFEST, config=config, layers=(*root.layers, *added))
    return store.name(image_ref(NAME), store.put_bytes(manifest.dump(), MANIFEST), {CONTEXT: context})


def _manifest(store: Layout, name: str, lock: Lock) -> Manifest:
    return store.manifest(store.entry(lock.images[name].manifest))


def _moved(store: Layout, image: NodeImage, name: str, lock: Lock) -> Iterator[Descriptor]:
    moves = [(copy.source, copy.target) for copy in image.copies if copy.image == name]
    for layer in _manifest(store, name, lock).layers:
        with tempfile.TemporaryFile(dir=store.root) as source, tempfile.TemporaryFile(dir=store.root) as draft:
            source.writelines(store.stream(layer))  # whose digest is checked at its end, before anything is read
            source.seek(0)
            relocate(source, moves, draft)
            draft.seek(0)
            yield store.put(iter(lambda: draft.read(CHUNK), b""), LAYER)


def _config(store: Layout, image: NodeImage, root: Manifest, added: list[Descriptor]) -> dict[str, Any]:
    inherited = cast("dict[str, Any]", json.loads(store.read(root.config)))
    inherited.pop("history", None)
    return {
        **inherited,
        "config": image_config(image, inherited.get("config", {})),
        "rootfs": {
            "type": "layers",
            "diff_ids": [*inherited["rootfs"]["diff_ids"], *(layer.digest for layer in added)],
        },
    }
