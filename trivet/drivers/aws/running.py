"""What of ours runs in an AWS account: machines and endpoints that carry a stack's tag, in every region asked for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from trivet.drivers.aws.inventory import CONFIG, GONE, WORKERS, Region
from trivet.errors import CloudError

TAG: Final = "trivet:stack"


@dataclass(frozen=True)
class Running:
    """A machine or an endpoint.

    Attributes:
        machine: the type of each of its instances.
        count: instances that run now, and are paid for.
        since: when it was made, or last started.
    """

    name: str
    stack: str
    region: str
    machine: str
    count: int
    state: str
    since: datetime


def running(session: boto3.Session, names: Sequence[str] = ()) -> tuple[Running, ...]:
    """Everything of ours in the named regions; in all that the account uses, where none is named.

    Raises:
        CloudError: a region could not be read: what runs there is unknown.
    """
    try:
        regions = [Region(session, name) for name in names or _used(session)]
        with ThreadPoolExecutor(WORKERS) as pool:
            return tuple(itertools.chain.from_iterable(pool.map(_of, regions)))
    except (BotoCoreError, ClientError) as exc:
        raise CloudError(
            code="unreadable",
            value=str(exc),
            rule="what runs, and costs, can be read",
            remedy="use credentials that may describe instances and endpoints, or name the --region that you use",
        ) from exc


def _used(session: boto3.Session) -> list[str]:
    listed = session.client("ec2", config=CONFIG).describe_regions()["Regions"]
    return sorted(each["RegionName"] for each in listed)


def _of(region: Region) -> tuple[Running, ...]:
    return (*_machines(region), *_endpoints(region))


def _machines(region: Region) -> Iterator[Running]:
    tagged = [{"Name": "tag-key", "Values": [TAG]}]
    for reservation in region.pages("ec2", "describe_instances", "Reservations", Filters=tagged):
        for each in reservation["Instances"]:
            state = each["State"]["Name"]
            if state not in GONE:
                paid = int(state in ("pending", "running"))
                stack = _stack(each["Tags"])
                yield Running(
                    each["InstanceId"], stack, region.name, each["InstanceType"], paid, state, each["LaunchTime"]
                )


def _endpoints(region: Region) -> Iterator[Running]:
    sagemaker = region.client("sagemaker")
    for each in region.pages("sagemaker", "list_endpoints", "Endpoints"):
        stack = _stack(sagemaker.list_tags(ResourceArn=each["EndpointArn"])["Tags"])
        if stack:
            found = sagemaker.describe_endpoint(EndpointName=each["EndpointName"])
            told = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
            now = {variant["VariantName"]: variant for variant in found["ProductionVariants"]}
            for variant in told["ProductionVariants"]:
                count = int(now[variant["VariantName"]].get("CurrentInstanceCount", variant["InitialInstanceCount"]))
                yield Running(
                    each["EndpointName"],
                    stack,
                    region.name,
                    variant["InstanceType"],
                    count,
                    found["EndpointStatus"],
                    found["CreationTime"],
                )


def _stack(tags: Sequence[dict[str, Any]]) -> str:
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == TAG), "")
