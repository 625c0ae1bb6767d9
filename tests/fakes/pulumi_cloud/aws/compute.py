"""Launch templates and instances."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from tests.fakes.pulumi_cloud.aws.kind import Account, Kind
from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError

USER_DATA_LIMIT = 16_384  # bytes, before base64
ENDED = ("terminated", "shutting-down")


def _data(inputs: Properties) -> dict[str, Any]:
    metadata = inputs.get("metadataOptions", {})
    disks = [
        {
            "DeviceName": disk["deviceName"],
            "Ebs": {
                "Encrypted": disk["ebs"].get("encrypted") == "true",
                "DeleteOnTermination": disk["ebs"].get("deleteOnTermination") == "true",
                "KmsKeyId": disk["ebs"].get("kmsKeyId"),
                "VolumeSize": disk["ebs"].get("volumeSize"),
                "VolumeType": disk["ebs"].get("volumeType"),
            },
        }
        for disk in inputs.get("blockDeviceMappings", [])
    ]
    interfaces = [
        {
            "DeviceIndex": each.get("deviceIndex", 0),
            "SubnetId": each.get("subnetId"),
            "Groups": each.get("securityGroups", []),
            "AssociatePublicIpAddress": each.get("associatePublicIpAddress") == "true",
            "DeleteOnTermination": each.get("deleteOnTermination") == "true",
        }
        for each in inputs.get("networkInterfaces", [])
    ]
    data = {
        "ImageId": inputs.get("imageId"),
        "InstanceType": inputs.get("instanceType"),
        "UserData": inputs.get("userData"),
        "IamInstanceProfile": {"Name": profile["name"]} if (profile := inputs.get("iamInstanceProfile")) else None,
        "MetadataOptions": {
            "HttpEndpoint": metadata.get("httpEndpoint", "enabled"),
            "HttpTokens": metadata.get("httpTokens", "optional"),
            "HttpPutResponseHopLimit": metadata.get("httpPutResponseHopLimit", 1),
            "InstanceMetadataTags": metadata.get("instanceMetadataTags", "disabled"),
        },
        "BlockDeviceMappings": disks,
        "NetworkInterfaces": interfaces,
        "TagSpecifications": [
            {
                "ResourceType": each["resourceType"],
                "Tags": [{"Key": key, "Value": value} for key, value in each["tags"].items()],
            }
            for each in inputs.get("tagSpecifications", [])
        ],
    }
    return {key: value for key, value in data.items() if value}


def _template(account: Account, inputs: Properties) -> tuple[str, Properties]:
    made = account.at(inputs, "ec2").create_launch_template(
        LaunchTemplateName=inputs["name"],
        LaunchTemplateData=_data(inputs),
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": account.tag_list(inputs)}],
    )["LaunchTemplate"]
    return made["LaunchTemplateId"], {"latestVersion": 1, "defaultVersion": 1}


def _new_version(account: Account, identity: str, _state: Properties, inputs: Properties) -> Properties:
    made = account.at(inputs, "ec2").create_launch_template_version(
        LaunchTemplateId=identity, LaunchTemplateData=_data(inputs)
    )["LaunchTemplateVersion"]
    return {"latestVersion": made["VersionNumber"]}


def _check_template(inputs: Properties) -> list[tuple[str, str]]:
    try:
        data = base64.b64decode(inputs.get("userData", ""), validate=True)
    except binascii.Error:
        return [("userData", "expected userData to be base64 encoded")]
    if len(data) > USER_DATA_LIMIT:
        return [("userData", f"User data is limited to {USER_DATA_LIMIT} bytes")]
    return []


def _instance(account: Account, inputs: Properties) -> tuple[str, Properties]:
    ec2 = account.at(inputs, "ec2")
    template = inputs["launchTemplate"]
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateId=template["id"], Versions=[template["version"]])[
        "LaunchTemplateVersions"
    ]
    data = version["LaunchTemplateData"]
    image = _image(account, inputs, data["ImageId"])
    (interface,) = data["NetworkInterfaces"]
    _require_offered(ec2, data["InstanceType"], interface["SubnetId"])
    for disk in data["BlockDeviceMappings"]:
        if key := disk["Ebs"].get("KmsKeyId"):
            account.at(inputs, "kms").describe_key(KeyId=key)  # refused where there is none in this region
    # moto takes no more than the image from a template, so everything in it is handed over once more.
    made = ec2.run_instances(
        MinCount=1,
        MaxCount=1,
        ImageId=image,
        InstanceType=data["InstanceType"],
        UserData=base64.b64decode(data.get("UserData", "")).decode(),
        IamInstanceProfile=data["IamInstanceProfile"],
        MetadataOptions=data["MetadataOptions"],
        BlockDeviceMappings=data["BlockDeviceMappings"],
        NetworkInterfaces=[{key: value for key, value in interface.items() if key != "NetworkInterfaceId"}],
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": account.tag_list(inputs)},
            *(each for each in data.get("TagSpecifications", []) if each["ResourceType"] != "instance"),
        ],
    )["Instances"][0]
    return made["InstanceId"], {
        "arn": f"arn:aws:ec2:{account.region}:{account.number}:instance/{made['InstanceId']}",
        "privateIp": made["PrivateIpAddress"],
        "instanceState": "running",
    }


def _image(account: Account, inputs: Properties, name: str) -> str:
    if name.startswith("resolve:ssm:"):
        parameter = account.at(inputs, "ssm").get_parameter(Name=name.removeprefix("resolve:ssm:"))["Parameter"]
        name = parameter["Value"]
    if not account.at(inputs, "ec2").describe_images(ImageIds=[name])["Images"]:
        raise RefusedError(f"InvalidAMIID.NotFound: The image id '[{name}]' does not exist")
    return name


def _require_offered(ec2: Any, machine: str, subnet: str) -> None:
    (found,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    zone = found["AvailabilityZone"]
    offers = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [machine]}]
    )["InstanceTypeOfferings"]
    if zone not in {each["Location"] for each in offers}:
        raise RefusedError(
            f"Unsupported: Your requested instance type ({machine}) is not supported in your requested Availability"
            f" Zone ({zone})"
        )


def _find_instance(account: Account, identity: str, state: Properties) -> bool:
    found = account.at(state, "ec2").describe_instances(InstanceIds=[identity])["Reservations"]
    return any(each["State"]["Name"] not in ENDED for one in found for each in one["Instances"])


KINDS = {
    "aws:ec2/launchTemplate:LaunchTemplate": Kind(
        _template,
        lambda account, identity, state: account.at(state, "ec2").describe_launch_templates(
            LaunchTemplateIds=[identity]
        )["LaunchTemplates"],
        lambda account, identity, state: account.at(state, "ec2").delete_launch_template(LaunchTemplateId=identity),
        update=_new_version,
        fixed=frozenset({"name", "region"}),
        check=_check_template,
    ),
    "aws:ec2/instance:Instance": Kind(
        _instance,
        _find_instance,
        lambda account, identity, state: account.at(state, "ec2").terminate_instances(InstanceIds=[identity]),
    ),
}
