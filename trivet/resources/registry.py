"""Images in registries."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class ImageArgs:
    """Arguments of an Image.

    Attributes:
        repository: `HOST/PATH`.
        manifest: digest of the image in the store.
        store: path of the OCI layout that holds it.
    """

    repository: pulumi.Input[str]
    manifest: str
    store: str


class Image(pulumi.CustomResource):
    """An image of the store, in a registry.

    Attributes:
        reference: `HOST/PATH@sha256:…`, once it is there.
    """

    reference: pulumi.Output[str]

    def __init__(self, name: str, args: ImageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {"repository": args.repository, "manifest": args.manifest, "store": args.store, "reference": None}
        super().__init__("trivet:registry:Image", name, properties, opts)
