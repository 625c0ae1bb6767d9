"""The lock of a spec, from what the store holds."""

from __future__ import annotations

from collections.abc import Mapping

from trivet.bundle.images import locked_image
from trivet.bundle.layout import Layout
from trivet.errors import LockError
from trivet.spec import Lock, LockedArtifact, LockedImage, LockedModel, StackSpec
from trivet.spec.digest import json_digest


def make_lock(
    spec: StackSpec,
    layout: Layout,
    models: Mapping[str, LockedModel],
    artifacts: Mapping[str, LockedArtifact] | None = None,
) -> Lock:
    """Pin the images that the spec runs, the models that were pulled for it, and what bare hosts need besides.

    Raises:
        LockError: the store lacks an image.
    """
    images = {name: _image(layout, name) for name in spec.images}
    return Lock(
        inputs=json_digest(spec.lock_inputs), images=images, models=dict(models), artifacts=dict(artifacts or {})
    )


def _image(layout: Layout, name: str) -> LockedImage:
    image = locked_image(layout, name)
    if image is None:
        raise LockError(
            value=f"image {name} is not in {layout.root}",
            rule="the lock pins what is built",
            remedy="run `trivet build`",
        )
    return image
