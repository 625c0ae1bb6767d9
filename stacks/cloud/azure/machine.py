"""The machine: one disk under the region's key, no public address, no password."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from stacks.cloud.azure.group import Group

USER = "trivet"
COMPUTER = 64  # characters of a Linux machine's own name


@dataclass(frozen=True)
class MachineArgs:
    """Arguments of Machine. `volume` in GiB; `image` an id, or publisher:offer:sku:version."""

    group: Group
    machine: str
    image: str
    custom_data: pulumi.Output[str]
    operator_key: str
    trusted_launch: bool
    volume: int
    disks: pulumi.Input[str]
    identity: pulumi.Input[str]
    subnet: pulumi.Input[str]


class Machine(pulumi.ComponentResource):
    """Interface and virtual machine.

    Attributes:
        id: the machine's.
        name: its name.
        address: its private one.
    """

    def __init__(self, name: str, args: MachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:azure:Machine", name, None, opts)
        group = args.group
        here = {
            "resource_group_name": group.name,
            "location": group.region,
            "tags": group.tags,
            "opts": pulumi.ResourceOptions(parent=self),
        }
        interface = azure.network.NetworkInterface(
            name,
            network_interface_name=name,
            ip_configurations=[
                {
                    "name": "private",
                    "subnet": {"id": args.subnet},
                    "private_ip_allocation_method": "Dynamic",
                    "primary": True,
                }
            ],
            **here,
        )
        trusted = {
            "security_type": "TrustedLaunch",
            "uefi_settings": {"secure_boot_enabled": True, "v_tpm_enabled": True},
        }
        machine = azure.compute.VirtualMachine(
            name,
            vm_name=name,
            hardware_profile={"vm_size": args.machine},
            identity={"type": "UserAssigned", "user_assigned_identities": [args.identity]},
            network_profile={"network_interfaces": [{"id": interface.id, "primary": True, "delete_option": "Detach"}]},
            os_profile={
                "computer_name": name[:COMPUTER],
                "admin_username": USER,
                "custom_data": args.custom_data.apply(lambda text: base64.b64encode(text.encode()).decode()),
                "allow_extension_operations": False,  # what runs here came with the bundle
                "linux_configuration": {
                    "disable_password_authentication": True,
                    "provision_vm_agent": True,
                    "ssh": {
                        "public_keys": [{"path": f"/home/{USER}/.ssh/authorized_keys", "key_data": args.operator_key}]
                    },
                },
            },
            security_profile=trusted if args.trusted_launch else None,
            storage_profile={
                "image_reference": _image(args.image),
                "os_disk": {
                    "name": name,
                    "create_option": "FromImage",
                    "delete_option": "Delete",
                    "disk_size_gb": args.volume,
                    "managed_disk": {
                        "storage_account_type": "Premium_LRS",
                        "disk_encryption_set": {"id": args.disks},
                    },
                },
            },
            **{**here, "opts": pulumi.ResourceOptions(parent=self, delete_before_replace=True)},
        )
        self.id, self.name = machine.id, machine.name
        self.address = interface.ip_configurations[0].private_ip_address
        self.register_outputs({"id": self.id})


def _image(image: str) -> dict[str, str]:
    if image.startswith("/"):
        return {"id": image}
    return dict(zip(("publisher", "offer", "sku", "version"), image.split(":"), strict=True))
