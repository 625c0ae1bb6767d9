"""The machine: shielded, one disk under the region's key, no address that anybody outside knows."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from trivet.render.gcp_machines import stays_on_its_host, takes_only_hyperdisk

READ_STORAGE = "https://www.googleapis.com/auth/devstorage.read_only"
METADATA = {
    "enable-oslogin": "TRUE",  # who may sign in is a matter of IAM, and is logged there
    "block-project-ssh-keys": "TRUE",
    "serial-port-enable": "FALSE",
}


@dataclass(frozen=True)
class MachineArgs:
    """Arguments of Machine. `volume` in GiB."""

    machine: str
    zone: str
    image: str
    startup_script: pulumi.Input[str]
    volume: int
    key: pulumi.Input[str]
    account: pulumi.Input[str]
    subnet: pulumi.Input[str]


class Machine(pulumi.ComponentResource):
    """One instance.

    Attributes:
        name: the instance's.
        address: its private one.
    """

    def __init__(self, name: str, args: MachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:gcp:Machine", name, None, opts)
        hyperdisk, stays = takes_only_hyperdisk(args.machine), stays_on_its_host(args.machine)
        instance = gcp.compute.Instance(
            name,
            name=name,
            zone=args.zone,
            machine_type=args.machine,
            boot_disk={
                "auto_delete": True,
                "kms_key_self_link": args.key,
                "initialize_params": {
                    "image": args.image,
                    "size": args.volume,
                    "type": "hyperdisk-balanced" if hyperdisk else "pd-balanced",
                },
            },
            network_interfaces=[{"subnetwork": args.subnet}],
            service_account={"email": args.account, "scopes": [READ_STORAGE]},
            shielded_instance_config={
                "enable_secure_boot": True,
                "enable_vtpm": True,
                "enable_integrity_monitoring": True,
            },
            scheduling={"automatic_restart": True, "on_host_maintenance": "TERMINATE" if stays else "MIGRATE"},
            metadata=METADATA,
            metadata_startup_script=args.startup_script,
            allow_stopping_for_update=True,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.name, self.address = instance.name, instance.network_interfaces[0].network_ip
        self.register_outputs({"name": self.name})
