"""The machine: metadata by session tokens only, one encrypted disk, no SSH key, no public address."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

HOPS = 1  # a container is one hop further away than the machine's own processes, and shall not get its credentials


@dataclass(frozen=True)
class MachineArgs:
    """Arguments of Machine. `volume` in GiB."""

    machine: str
    image: str
    user_data: str
    volume: int
    root_device: str
    key_arn: pulumi.Input[str]
    profile: pulumi.Input[str]
    subnet: pulumi.Input[str]
    group: pulumi.Input[str]


class Machine(pulumi.ComponentResource):
    """Launch template and instance.

    Attributes:
        id: the instance's.
        address: its private one.
    """

    def __init__(self, name: str, args: MachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Machine", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        tags = {"Name": name, "trivet:stack": name}
        template = aws.ec2.LaunchTemplate(
            name,
            name=name,
            image_id=args.image,
            instance_type=args.machine,
            iam_instance_profile={"name": args.profile},
            user_data=base64.b64encode(args.user_data.encode()).decode(),
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": HOPS,
                "instance_metadata_tags": "disabled",
            },
            block_device_mappings=[
                {
                    "device_name": args.root_device,
                    "ebs": {
                        "encrypted": "true",
                        "kms_key_id": args.key_arn,
                        "volume_size": args.volume,
                        "volume_type": "gp3",
                        "delete_on_termination": "true",
                    },
                }
            ],
            network_interfaces=[
                {
                    "device_index": 0,
                    "subnet_id": args.subnet,
                    "security_groups": [args.group],
                    "associate_public_ip_address": "false",
                    "delete_on_termination": "true",
                }
            ],
            # What the instance makes is not reached by the provider's default tags.
            tag_specifications=[{"resource_type": kind, "tags": tags} for kind in ("instance", "volume")],
            update_default_version=True,
            opts=mine,
        )
        instance = aws.ec2.Instance(
            name,
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            tags=tags,
            opts=mine,
        )
        self.id, self.address = instance.id, instance.private_ip
        self.register_outputs({"id": self.id})
