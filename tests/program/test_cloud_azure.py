"""A cloud stack on Azure: what is made lies in its region under its own key, and is gone after `destroy`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.program.estates import AZURE, EstateStack

ZA, UK = "southafricanorth", "uksouth"
MODEL = {"gpuMemoryMiB": 12000}
IMAGE = "own:gpu:12-gen2:1.0.0"
MACHINE = "azure-native:compute:VirtualMachine"
VAULT = "azure-native:keyvault:Vault"
ROLE = "azure-native:authorization:RoleAssignment"
ACCOUNT = "azure-native:storage:StorageAccount"
SUBNET = "azure-native:network:Subnet"
NewAzureStack = Callable[..., EstateStack]


@pytest.fixture(scope="module")
def new_azure_stack(tmp_path_factory: pytest.TempPathFactory) -> NewAzureStack:
    def make(region: str = ZA, **changes: Any) -> EstateStack:
        return EstateStack(Path(tmp_path_factory.mktemp("azure")), "azure", AZURE, region=region, changes=changes)

    return make


@pytest.fixture(scope="module")
def deployed(new_azure_stack: NewAzureStack) -> Iterator[EstateStack]:
    """A stack under za-strict, deployed once for the tests that only read."""
    stack = new_azure_stack(residency={"regime": "za-strict", "maxAgeDays": 3650})
    stack.add_pack()
    stack.up("--policy-pack", "policy")  # which judges each resource once more, and finds nothing wrong
    yield stack
    stack.destroy()
    assert stack.estate == {}


def test_outputs_are_those_of_every_tier(deployed: EstateStack) -> None:
    outputs = deployed.outputs
    assert (outputs["tier"], outputs["region"]) == ("cloud", ZA)
    assert outputs["url"] == "http://127.0.0.1:8080/v1"
    assert {"keyFile", "specDigest", "lockDigest"} < outputs.keys()
    assert f"virtualMachines/{outputs['instance']}" in outputs["tunnel"]


def test_everything_lies_in_the_region_and_is_tagged(deployed: EstateStack) -> None:
    digest = deployed.outputs["lockDigest"]
    for name, each in deployed.estate.items():
        private_names = each.token.startswith("azure-native:privatedns:")
        assert each.inputs.get("location", ZA) == ("Global" if private_names else ZA), name
        assert each.inputs.get("tags", {}).get("trivet:lock", digest) == digest
    assert deployed.only(MACHINE).inputs["tags"]["trivet:spec"] == deployed.outputs["specDigest"]


def test_the_machine_has_no_public_address_and_no_password(deployed: EstateStack) -> None:
    (interface,) = deployed.only("azure-native:network:NetworkInterface").inputs["ipConfigurations"]
    assert "publicIPAddress" not in interface
    machine = deployed.only(MACHINE).inputs
    assert machine["osProfile"]["linuxConfiguration"]["disablePasswordAuthentication"]
    assert "adminPassword" not in machine["osProfile"]
    assert machine["securityProfile"]["uefiSettings"] == {"secureBootEnabled": True, "vTpmEnabled": True}


def test_disk_and_storage_are_under_one_key_of_the_region(deployed: EstateStack) -> None:
    disk = deployed.only(MACHINE).inputs["storageProfile"]["osDisk"]["managedDisk"]
    encrypting = deployed.estate[disk["diskEncryptionSet"]["id"]]
    vault = deployed.only(VAULT)
    assert deployed.estate[encrypting.inputs["activeKey"]["sourceVault"]["id"]] == vault
    assert vault.inputs["properties"]["publicNetworkAccess"] == "Disabled"
    assert vault.inputs["properties"]["enablePurgeProtection"]
    account = deployed.only(ACCOUNT).inputs
    assert account["encryption"]["keyVaultProperties"]["keyVaultUri"] == vault.outputs["properties"]["vaultUri"]
    assert account["sku"] == {"name": "Standard_LRS"}


def test_the_bundle_is_open_to_nobody_but_who_uploads_it(deployed: EstateStack) -> None:
    account = deployed.only(ACCOUNT).inputs
    assert not account["allowBlobPublicAccess"]
    assert account["networkRuleSet"] == {
        "defaultAction": "Deny",
        "bypass": "None",
        "ipRules": [{"iPAddressOrRange": "9.9.9.9", "action": "Allow"}],
    }


def test_people_come_by_bastion_alone_and_only_the_bundle_is_out_there(deployed: EstateStack) -> None:
    rules = deployed.only("azure-native:network:NetworkSecurityGroup").inputs["securityRules"]
    allowed = {each["name"]: each for each in rules if each["access"] == "Allow"}
    subnets = {each.inputs["subnetName"]: each.inputs for each in deployed.all(SUBNET)}
    assert allowed.keys() == {"from-bastion", "to-bundle"}
    assert allowed["from-bastion"]["sourceAddressPrefix"] == subnets["AzureBastionSubnet"]["addressPrefix"]
    assert allowed["to-bundle"]["destinationAddressPrefix"] == subnets["storage"]["addressPrefix"]
    assert {each["direction"] for each in rules if each["access"] == "Deny"} == {"Inbound", "Outbound"}
    assert "networkSecurityGroup" in subnets["machine"]
    assert all(each["defaultOutboundAccess"] is False for each in subnets.values())


def test_the_machine_s_identity_may_read_the_bundle_and_nothing_else(deployed: EstateStack) -> None:
    (identity,) = deployed.only(MACHINE).inputs["identity"]["userAssignedIdentities"]
    principal = deployed.estate[identity].outputs["principalId"]
    (role,) = [each.inputs for each in deployed.all(ROLE) if each.inputs["principalId"] == principal]
    assert role["scope"].endswith("/containers/bundle")
    assert role["roleDefinitionId"].endswith("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1")


def test_the_machine_is_told_to_install_the_bundle_from_the_region_s_storage(deployed: EstateStack) -> None:
    told = base64.b64decode(deployed.only(MACHINE).inputs["osProfile"]["customData"]).decode()
    blob = deployed.only("azure-native:storage:Blob").inputs
    assert told.startswith("#cloud-config\n")
    assert f"https://{blob['accountName']}.blob.core.windows.net/bundle/{blob['blobName']}" in told


def test_a_second_up_finds_nothing_to_do_and_a_lost_machine_is_made_again(deployed: EstateStack) -> None:
    deployed.pulumi("preview", "--expect-no-changes")
    with deployed.records() as records:
        del records[next(name for name, each in records.items() if each.token == MACHINE)]
    deployed.up()
    assert deployed.only(MACHINE)


def test_a_gpu_stack_gets_the_cheapest_machine_that_fits(new_azure_stack: NewAzureStack) -> None:
    stack = new_azure_stack(UK, residency={"regime": "uk", "maxAgeDays": 3650})
    stack.spec["models"][0] |= MODEL
    stack.settings["operatedFrom"] = "GB"
    stack.settings["azure"] |= {"clients": ["10.7.0.0/16"], "image": IMAGE}
    del stack.settings["azure"]["machine"]
    stack.write()
    stack.make_bundle()
    stack.up()
    try:
        machine = stack.only(MACHINE).inputs
        assert machine["hardwareProfile"] == {"vmSize": "Standard_NC4as_T4_v3"}
        assert machine["storageProfile"]["imageReference"] == {
            "publisher": "own", "offer": "gpu", "sku": "12-gen2", "version": "1.0.0",
        }  # fmt: skip
        assert stack.outputs["url"] == "http://10.20.0.4:8080/v1"
        rules = stack.only("azure-native:network:NetworkSecurityGroup").inputs["securityRules"]
        (rule,) = [each for each in rules if each["name"] == "from-client-0"]
        assert (rule["sourceAddressPrefix"], rule["destinationPortRange"]) == ("10.7.0.0/16", "8080")
    finally:
        stack.destroy()
    assert stack.estate == {}


def test_the_pack_alone_lets_no_violating_resource_through(new_azure_stack: NewAzureStack) -> None:
    stack = new_azure_stack(ZA, residency={"regime": "za-strict", "maxAgeDays": 3650})
    stack.add_pack()
    stack.drop_own_check()
    stack.settings["region"] = UK
    stack.write()
    assert "it is in GB" in stack.up("--policy-pack", "policy", fails=True)  # with --skip-preview
    assert stack.unlawful("za-strict") == []
    stack.destroy()


@pytest.mark.parametrize(
    ("regime", "region", "own", "gpu", "words"),
    [
        ("za-strict", UK, {}, {}, ("it is in GB", "POPIA 72(1)")),
        ("uk", ZA, {}, {}, ("it is in ZA",)),
        ("za-strict", "southafricamiddle", {}, {}, ("names no country for it",)),
        ("za-strict", ZA, {"machine": "Standard_NC4as_T4_v3", "image": IMAGE}, MODEL,
         ("the tables do not list it there", "Standard_NV36ads_A10_v5")),
        ("uk", UK, {"machine": "Standard_NC4as_T4_v3", "image": IMAGE}, {"gpuMemoryMiB": 20000},
         ("holds about", "Standard_NC24ads_A100_v4")),
        ("za-strict", ZA, {"machine": None}, MODEL, ("no azure.image",)),
        ("za-strict", ZA, {"bundle": "none.tar"}, {}, ("none.tar", "trivet bundle create")),
    ],
)  # fmt: skip
def test_what_cannot_or_may_not_be_leaves_nothing_in_the_state(
    new_azure_stack: NewAzureStack,
    regime: str,
    region: str,
    own: dict[str, Any],
    gpu: dict[str, Any],
    words: tuple[str, ...],
) -> None:
    stack = new_azure_stack(ZA, residency={"regime": regime, "maxAgeDays": 3650})
    stack.spec["models"][0] |= gpu
    stack.settings |= {"region": region, "operatedFrom": "GB" if regime == "uk" else "ZA"}
    settings = {**stack.settings["azure"], **own}
    stack.settings["azure"] = {key: each for key, each in settings.items() if each is not None}
    stack.write()
    stack.make_bundle()
    said = stack.up(fails=True)  # with --skip-preview
    assert all(word in said for word in words), said
    assert stack.resources() == []
    assert stack.estate == {}
