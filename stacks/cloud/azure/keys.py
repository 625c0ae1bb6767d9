"""One key of the region, and the two that may use it: what encrypts disks, and what encrypts storage."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from stacks.cloud.azure.group import Group
from trivet.render.cloud_names import fitting

KEY_BITS = 3072
DELETED_DAYS = 90  # the longest: a key that is gone takes the audit with it
VAULT = 15  # characters at most; Azure keeps a deleted vault's name, so eight that are new each time follow
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
CRYPTO_USER = "e147488a-f6f5-4113-8e2d-b22465e65bf6"  # Key Vault Crypto Service Encryption User
CLOSED = {"default_action": "Deny", "bypass": "AzureServices"}


@dataclass(frozen=True)
class KeysArgs:
    """Arguments of Keys. `workspace` is where every use of the vault is logged."""

    group: Group
    workspace: pulumi.Input[str]


class Keys(pulumi.ComponentResource):
    """Vault, key, and the identities that use it.

    Attributes:
        disks: id of the disk encryption set.
        key_name, vault_uri: the key, for storage.
        storage_identity: id of the identity that storage uses it by.
        granted: whoever encrypts waits for these.
    """

    def __init__(self, name: str, args: KeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:azure:Keys", name, None, opts)
        mine, group = pulumi.ResourceOptions(parent=self), args.group
        here = {"resource_group_name": group.name, "location": group.region, "tags": group.tags, "opts": mine}
        vault = azure.keyvault.Vault(
            fitting(name, VAULT),
            properties={
                "tenant_id": group.tenant,
                "sku": {"family": "A", "name": "standard"},
                "enable_rbac_authorization": True,
                "enable_soft_delete": True,
                "enable_purge_protection": True,  # disks are encrypted by no other vault
                "soft_delete_retention_in_days": DELETED_DAYS,
                "public_network_access": "Disabled",
                "network_acls": CLOSED,
            },
            **here,
        )
        azure.monitor.DiagnosticSetting(
            f"{name}-vault",
            name=name,
            resource_uri=vault.id,
            workspace_id=args.workspace,
            logs=[{"category_group": "audit", "enabled": True}],
            opts=mine,
        )
        key = azure.keyvault.Key(
            name,
            key_name=name,
            resource_group_name=group.name,
            vault_name=vault.name,
            properties={"kty": "RSA", "key_size": KEY_BITS, "key_ops": ["wrapKey", "unwrapKey"]},
            tags=group.tags,
            opts=mine,
        )
        disks = azure.compute.DiskEncryptionSet(
            name,
            disk_encryption_set_name=name,
            encryption_type="EncryptionAtRestWithCustomerKey",
            active_key={"key_url": key.key_uri_with_version, "source_vault": {"id": vault.id}},
            rotation_to_latest_key_version_enabled=True,
            identity={"type": "SystemAssigned"},
            **here,
        )
        storage = azure.managedidentity.UserAssignedIdentity(
            f"{name}-storage", resource_name_=f"{name}-storage", **here
        )
        self.granted = [
            azure.authorization.RoleAssignment(
                f"{name}-{user}-key",
                principal_id=principal,
                principal_type="ServicePrincipal",
                role_definition_id=group.role(CRYPTO_USER),
                scope=vault.id,
                opts=mine,
            )
            for user, principal in (("disks", disks.identity.principal_id), ("storage", storage.principal_id))
        ]
        self.disks, self.key_name, self.vault_uri = disks.id, key.name, vault.properties.vault_uri
        self.storage_identity = storage.id
        self.register_outputs({"disks": self.disks})
