"""Who may do what: the machine reads the bundle, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from trivet.render.cloud_names import fitting

ACCOUNT_ID = 30  # characters at most


@dataclass(frozen=True)
class IdentityArgs:
    """Arguments of Identity."""

    bucket: pulumi.Input[str]


class Identity(pulumi.ComponentResource):
    """A service account for the machine. It has one role, in one bucket, and no key of its own.

    Attributes:
        email: the account.
    """

    def __init__(self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:gcp:Identity", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        account = gcp.serviceaccount.Account(
            name, account_id=fitting(name, ACCOUNT_ID), display_name=f"{name}: the machine", opts=mine
        )
        gcp.storage.BucketIAMMember(
            name, bucket=args.bucket, role="roles/storage.objectViewer", member=account.member, opts=mine
        )
        self.email = account.email
        self.register_outputs({"email": self.email})
