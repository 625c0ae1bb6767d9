"""Azure as the back end of the stand-in: what the programs use, with what Azure refuses of it."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Final

from tests.fakes.pulumi_cloud.estate import Cloud, Context, Kind
from tests.fakes.pulumi_cloud.plugin import Properties

REGIONS: Final = ("southafricanorth", "southafricawest", "uksouth", "westeurope", "northeurope")
SIZES: Final = {
    "Standard_D4s_v5": REGIONS,
    "Standard_NV36ads_A10_v5": ("southafricanorth",),
    "Standard_NC24ads_A100_v4": ("uksouth",),
    "Standard_NC4as_T4_v3": ("uksouth",),
}
CUSTOM_DATA_LIMIT: Final = 65_536  # bytes, before base64
VAULT_NAME: Final = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")
ACCOUNT_NAME: Final = re.compile(r"[a-z0-9]{3,24}")
ID: Final = re.compile(r"/subscriptions/[^/]+/(?!providers/Microsoft\.Authorization/).+")
GROUP: Final = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
ROLE: Final = "azure-native:authorization:RoleAssignment"
VAULT: Final = "azure-native:keyvault:Vault"
NETWORK: Final = "azure-native:network:VirtualNetwork"
CRYPTO_USER: Final = "e147488a-f6f5-4113-8e2d-b22465e65bf6"


def _located(_context: Context, inputs: Properties) -> str | None:
    place = inputs["location"].lower().replace(" ", "")
    return None if place in REGIONS else f"The provided location '{place}' is not available for resource type."


def _granted(context: Context, vault: str, principal: str) -> bool:
    return any(
        each.inputs["scope"] == vault
        and each.inputs["principalId"] == principal
        and each.inputs["roleDefinitionId"].endswith(CRYPTO_USER)
        for each in context.of(ROLE)
    )


def _vault(context: Context, inputs: Properties) -> str | None:
    if not VAULT_NAME.fullmatch(inputs["vaultName"]):
        return f"The vault name '{inputs['vaultName']}' is invalid."
    days = inputs["properties"].get("softDeleteRetentionInDays", 90)
    return _located(context, inputs) if 7 <= days <= 90 else "softDeleteRetentionInDays is not in 7 to 90"


def _key(context: Context, inputs: Properties) -> str | None:
    properties = inputs["properties"]
    sizes = (2048, 3072, 4096)
    if properties.get("kty") == "RSA" and properties.get("keySize", 2048) not in sizes:
        return "The key size is not valid"
    names = {each.inputs["vaultName"] for each in context.of(VAULT)}
    return None if inputs["vaultName"] in names else f"The vault '{inputs['vaultName']}' was not found"


def _disks(context: Context, inputs: Properties) -> str | None:
    vault = context.records[inputs["activeKey"]["sourceVault"]["id"]].inputs
    if not vault["properties"].get("enablePurgeProtection"):
        return "Key Vault should have soft delete and purge protection enabled."
    if vault["location"] != inputs["location"]:
        return "Key vault and disk encryption set are not in the same region."
    return _located(context, inputs)


def _account(context: Context, inputs: Properties) -> str | None:
    if not ACCOUNT_NAME.fullmatch(inputs["accountName"]):
        return f"{inputs['accountName']} is not a valid storage account name."
    encryption = inputs.get("encryption", {})
    if encryption.get("keySource") == "Microsoft.Keyvault":
        user = context.records[encryption["encryptionIdentity"]["encryptionUserAssignedIdentity"]]
        uri = encryption["keyVaultProperties"]["keyVaultUri"]
        vaults = {
            each.outputs["properties"]["vaultUri"]: name
            for name, each in context.records.items()
            if each.token == VAULT
        }
        if uri not in vaults or not _granted(context, vaults[uri], user.outputs["principalId"]):
            return "The identity does not have get, wrapKey and unwrapKey permissions on the key vault."
    return _located(context, inputs)


def _blob(_context: Context, inputs: Properties) -> str | None:
    file = Path(inputs["source"]["path"])
    return None if file.is_file() else f"open {file}: no such file or directory"


def _rules(context: Context, inputs: Properties) -> str | None:
    seen = [(rule["direction"], rule["priority"]) for rule in inputs.get("securityRules", [])]
    if len(set(seen)) != len(seen):
        return "Security rules may not have the same priority and direction."
    if not all(100 <= priority <= 4096 for _, priority in seen):
        return "Security rule priority must be between 100 and 4096."
    return _located(context, inputs)


def _network(context: Context, inputs: Properties) -> str | None:
    for each in inputs["addressSpace"]["addressPrefixes"]:
        IPv4Network(each)
    return _located(context, inputs)


def _subnet(context: Context, inputs: Properties) -> str | None:
    (network,) = [
        each for each in context.of(NETWORK) if each.inputs["virtualNetworkName"] == inputs["virtualNetworkName"]
    ]
    wanted = IPv4Network(inputs["addressPrefix"])
    if not any(wanted.subnet_of(IPv4Network(each)) for each in network.inputs["addressSpace"]["addressPrefixes"]):
        return f"Subnet '{inputs['subnetName']}' is not valid: its address prefix is outside the virtual network."
    for other in context.of("azure-native:network:Subnet"):
        same = other.inputs["virtualNetworkName"] == inputs["virtualNetworkName"]
        if same and wanted.overlaps(IPv4Network(other.inputs["addressPrefix"])):
            return f"Subnet '{inputs['subnetName']}' overlaps with '{other.inputs['subnetName']}'."
    return None


def _bastion(context: Context, inputs: Properties) -> str | None:
    (door,) = inputs["ipConfigurations"]
    subnet = context.records[door["subnet"]["id"]].inputs
    if subnet["subnetName"] != "AzureBastionSubnet" or IPv4Network(subnet["addressPrefix"]).prefixlen > 26:
        return "Bastion wants a subnet AzureBastionSubnet with a prefix of at most 26 bits."
    if inputs.get("enableTunneling") and inputs["sku"]["name"] == "Basic":
        return "Tunneling is not supported by the Basic SKU."
    return _located(context, inputs)


def _machine(context: Context, inputs: Properties) -> str | None:
    size, data = inputs["hardwareProfile"]["vmSize"], inputs["osProfile"].get("customData", "")
    if inputs["location"] not in SIZES.get(size, ()):
        return f"The requested VM size {size} is not available in location '{inputs['location']}'."
    if len(base64.b64decode(data, validate=True)) > CUSTOM_DATA_LIMIT:
        return "Custom data in OSProfile must be at most 65535 bytes."
    disk = inputs["storageProfile"]["osDisk"]["managedDisk"]
    encrypting = context.records[disk["diskEncryptionSet"]["id"]]
    vault = encrypting.inputs["activeKey"]["sourceVault"]["id"]
    if not _granted(context, vault, encrypting.outputs["identity"]["principalId"]):
        return "The disk encryption set has no access to its key."
    return _located(context, inputs)


def _role(_context: Context, inputs: Properties) -> str | None:
    return None if _is_uuid(inputs["principalId"]) else f"Principal {inputs['principalId']} does not exist."


def _budget(_context: Context, inputs: Properties) -> str | None:
    start = inputs["timePeriod"]["startDate"]
    return None if re.fullmatch(r"\d{4}-\d\d-01T00:00:00Z", start) else "The start date must be the first of a month."


def _is_uuid(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))


def _uuid(_words: Mapping[str, Any]) -> str:
    return str(uuid.uuid4())


def _addressed(words: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**each, "privateIPAddress": "10.20.0.4"} for each in words["ipConfigurations"]]


def _identified(words: Mapping[str, Any]) -> dict[str, Any]:
    """Identities are listed going in, and coming out are a mapping."""
    users = words["identity"]["userAssignedIdentities"]
    return {**words["identity"], "userAssignedIdentities": {each: {"clientId": str(uuid.uuid4())} for each in users}}


def _in(provider: str, named: str, **more: Any) -> Kind:
    """A resource of a group; `name` is put out."""
    outputs = {"name": f"{{{named}}}", **more.pop("outputs", {})}
    check = more.pop("check", _located)
    return Kind(
        f"{GROUP}/providers/Microsoft.{provider}/{{{named}}}", named=named, outputs=outputs, check=check, **more
    )


def _fine(_context: Context, _inputs: Properties) -> str | None:
    return None


KINDS: Final = {
    "azure-native:resources:ResourceGroup": Kind(
        GROUP, named="resourceGroupName", outputs={"name": "{resourceGroupName}"}, check=_located
    ),
    "azure-native:operationalinsights:Workspace": _in("OperationalInsights/workspaces", "workspaceName"),
    "azure-native:monitor:DiagnosticSetting": Kind(
        "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}"
    ),
    VAULT: _in(
        "KeyVault/vaults",
        "vaultName",
        check=_vault,
        outputs={
            "properties": lambda words: {
                **words["properties"],
                "vaultUri": f"https://{words['vaultName']}.vault.azure.net/",
            }
        },
    ),
    "azure-native:keyvault:Key": _in(
        "KeyVault/vaults/{vaultName}/keys",
        "keyName",
        check=_key,
        outputs={"keyUriWithVersion": "https://{vaultName}.vault.azure.net/keys/{keyName}/0123"},
    ),
    "azure-native:compute:DiskEncryptionSet": _in(
        "Compute/diskEncryptionSets",
        "diskEncryptionSetName",
        check=_disks,
        outputs={"identity": lambda words: {**words["identity"], "principalId": _uuid(words)}},
    ),
    "azure-native:managedidentity:UserAssignedIdentity": _in(
        "ManagedIdentity/userAssignedIdentities",
        "resourceName",
        outputs={"principalId": _uuid, "clientId": _uuid},
    ),
    ROLE: Kind(
        "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        named="roleAssignmentName",
        check=_role,
    ),
    "azure-native:storage:StorageAccount": _in(
        "Storage/storageAccounts", "accountName", check=_account, outputs={"identity": _identified}
    ),
    "azure-native:storage:BlobContainer": _in(
        "Storage/storageAccounts/{accountName}/blobServices/default/containers", "containerName", check=_fine
    ),
    "azure-native:storage:Blob": _in(
        "Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}/blobs",
        "blobName",
        check=_blob,
    ),
    "azure-native:network:NetworkSecurityGroup": _in(
        "Network/networkSecurityGroups", "networkSecurityGroupName", check=_rules
    ),
    NETWORK: _in("Network/virtualNetworks", "virtualNetworkName", check=_network),
    "azure-native:network:Subnet": _in(
        "Network/virtualNetworks/{virtualNetworkName}/subnets", "subnetName", check=_subnet
    ),
    "azure-native:network:PrivateEndpoint": _in("Network/privateEndpoints", "privateEndpointName"),
    "azure-native:network:PrivateDnsZoneGroup": _in(
        "Network/privateEndpoints/{privateEndpointName}/privateDnsZoneGroups", "privateDnsZoneGroupName", check=_fine
    ),
    "azure-native:network:PublicIPAddress": _in("Network/publicIPAddresses", "publicIpAddressName"),
    "azure-native:network:BastionHost": _in("Network/bastionHosts", "bastionHostName", check=_bastion),
    "azure-native:network:NetworkInterface": _in(
        "Network/networkInterfaces", "networkInterfaceName", outputs={"ipConfigurations": _addressed}
    ),
    "azure-native:privatedns:PrivateZone": _in("Network/privateDnsZones", "privateZoneName", check=_fine),
    "azure-native:privatedns:VirtualNetworkLink": _in(
        "Network/privateDnsZones/{privateZoneName}/virtualNetworkLinks", "virtualNetworkLinkName", check=_fine
    ),
    "azure-native:compute:VirtualMachine": _in(
        "Compute/virtualMachines", "vmName", check=_machine, outputs={"identity": _identified}
    ),
    "azure-native:consumption:Budget": Kind(
        "{scope}/providers/Microsoft.Consumption/budgets/{budgetName}", named="budgetName", check=_budget
    ),
}


class Azure(Cloud):
    """One provider of the package azure-native."""

    def __init__(self) -> None:
        super().__init__(KINDS, _id_in)


def _id_in(text: str) -> str | None:
    return text if ID.fullmatch(text) else None
