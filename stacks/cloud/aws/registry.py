"""The region's own registry, filled with the one image of the endpoint."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from trivet.resources.registry import Image, ImageArgs

STORE = ".trivet/store"


@dataclass(frozen=True)
class RegistryArgs:
    """Arguments of Registry. `manifest`: digest of the image in the store."""

    manifest: str
    key_arn: pulumi.Input[str]


class Registry(pulumi.ComponentResource):
    """A repository of ECR, and the image in it. ECR replicates nothing that its account's registry is not told to.

    Attributes:
        reference: the image by its digest.
        repository_arn: the repository.
    """

    def __init__(self, name: str, args: RegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Registry", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        repository = aws.ecr.Repository(
            name,
            name=name,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args.key_arn}],
            force_delete=True,
            opts=mine,
        )
        image = Image(name, ImageArgs(repository.repository_url, args.manifest, STORE), mine)
        self.reference, self.repository_arn = image.reference, repository.arn
        self.register_outputs({"reference": self.reference})
