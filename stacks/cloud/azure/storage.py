"""What lies at rest in the region: a storage account with the bundle, copied nowhere and open to nobody."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from stacks.cloud.azure.group import Group
from stacks.cloud.azure.keys import Keys
from stacks.cloud.bundle_file import BundleFile
from trivet.render.cloud_names import mark

READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"  # Storage Blob Data Reader
CONTAINER = "bundle"


@dataclass(frozen=True)
class StorageArgs:
    """Arguments of Storage. `uploaders` are the public addresses from which Pulumi writes the bundle."""

    group: Group
    keys: Keys
    bundle: BundleFile
    uploaders: tuple[str, ...]


class Storage(pulumi.ComponentResource):
    """Account, container, bundle, and the machine's identity, which may read it and nothing else.

    Attributes:
        account: the account's id.
        bundle_url: where the bundle lies.
        identity: id of the machine's identity.
    """

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:azure:Storage", name, None, opts)
        mine, group = pulumi.ResourceOptions(parent=self), args.group
        account = azure.storage.StorageAccount(
            name,
            account_name=f"trivet{mark(group.subscription, name, group.region, digits=16)}",
            resource_group_name=group.name,
            location=group.region,
            kind="StorageV2",
            sku={"name": "Standard_LRS"},  # three copies in one building; every other kind leaves it
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            # Pulumi's provider uploads with the account's key; the machine reads with its identity.
            allow_shared_key_access=True,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            network_rule_set={
                "default_action": "Deny",
                "bypass": "None",
                "ip_rules": [{"i_p_address_or_range": each, "action": "Allow"} for each in args.uploaders],
            },
            identity={"type": "UserAssigned", "user_assigned_identities": [args.keys.storage_identity]},
            encryption={
                "key_source": "Microsoft.Keyvault",
                "key_vault_properties": {"key_name": args.keys.key_name, "key_vault_uri": args.keys.vault_uri},
                "encryption_identity": {"encryption_user_assigned_identity": args.keys.storage_identity},
            },
            tags=group.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.keys.granted),
        )
        container = azure.storage.BlobContainer(
            name,
            account_name=account.name,
            container_name=CONTAINER,
            resource_group_name=group.name,
            public_access="None",
            opts=mine,
        )
        bundle = azure.storage.Blob(
            name,
            account_name=account.name,
            container_name=container.name,
            resource_group_name=group.name,
            blob_name=f"{args.bundle.digest.removeprefix('sha256:')}.tar",
            source=pulumi.FileAsset(args.bundle.path),
            type="Block",
            opts=mine,
        )
        machine = azure.managedidentity.UserAssignedIdentity(
            f"{name}-machine",
            resource_name_=f"{name}-machine",
            resource_group_name=group.name,
            location=group.region,
            tags=group.tags,
            opts=mine,
        )
        azure.authorization.RoleAssignment(
            f"{name}-bundle",
            principal_id=machine.principal_id,
            principal_type="ServicePrincipal",
            role_definition_id=group.role(READER),
            scope=container.id,
            opts=mine,
        )
        self.account, self.identity = account.id, machine.id
        self.bundle_url = pulumi.Output.format(
            "https://{0}.blob.core.windows.net/{1}/{2}", account.name, CONTAINER, bundle.name
        )
        self.register_outputs({"bundleUrl": self.bundle_url})
