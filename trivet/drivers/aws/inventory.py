"""What exists in an AWS account and holds, or copies, a stack's data: read back from every region, nothing changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from trivet.drivers.found import Found
from trivet.errors import CloudError

WORKERS: Final = 8
MAKING: Final = Lock()  # clients may be used, but not made, by several threads at a time
CONFIG: Final = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
# What a region answers that the account never opted into: nothing can be there.
SHUT: Final = frozenset({"AuthFailure", "InvalidClientTokenId", "OptInRequired", "UnrecognizedClientException"})
GONE: Final = frozenset({"terminated", "shutting-down"})


class Region:
    """The services of one region."""

    def __init__(self, session: boto3.Session, name: str) -> None:
        self.name = name
        self._session = session
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """A client with time-outs."""
        if service not in self._clients:
            with MAKING:
                self._clients[service] = self._session.client(service, region_name=self.name, config=CONFIG)
        return self._clients[service]

    def pages(self, service: str, call: str, key: str, **arguments: Any) -> Iterator[Any]:
        """Every entry under `key` of a call, page by page."""
        client = self.client(service)
        if client.can_paginate(call):
            yield from itertools.chain.from_iterable(
                page.get(key, []) for page in client.get_paginator(call).paginate(**arguments)
            )
        else:
            yield from getattr(client, call)(**arguments).get(key, [])

    def found(self, kind: str, name: str, **properties: Any) -> Found:
        """A thing in this region."""
        return Found(f"aws:{kind}", name, self.name, properties)


def inventory(session: boto3.Session) -> tuple[Found, ...]:
    """Everything of interest in every region, and the buckets.

    Raises:
        CloudError: a region that the account uses, or a service there, could not be read: what is there is unknown.
    """
    try:
        listed = session.client("ec2", config=CONFIG).describe_regions(AllRegions=True)["Regions"]
    except (BotoCoreError, ClientError) as exc:
        raise _unreadable("the account's regions", exc) from exc
    opted_out = {each["RegionName"] for each in listed if each.get("OptInStatus") == "not-opted-in"}
    names = sorted(each["RegionName"] for each in listed)
    with ThreadPoolExecutor(WORKERS) as pool:
        regions = pool.map(lambda name: _region(Region(session, name), opted_out=name in opted_out), names)
        return (*itertools.chain.from_iterable(regions), *_buckets(session))


def _region(region: Region, *, opted_out: bool) -> list[Found]:
    found: list[Found] = []
    for service, readers in READERS.items():
        for read in readers:
            try:
                found += read(region)
            except EndpointConnectionError as exc:
                if service == "ec2":
                    raise _unreadable(f"{service} in {region.name}", exc) from exc
                break  # EC2 answered, so the network is there: the region has no such service
            except ClientError as exc:
                if opted_out and exc.response["Error"]["Code"] in SHUT:
                    return found
                raise _unreadable(f"{service} in {region.name}", exc) from exc
            except BotoCoreError as exc:
                raise _unreadable(f"{service} in {region.name}", exc) from exc
    return found


def _unreadable(what: str, exc: Exception) -> CloudError:
    return CloudError(
        code=exc.response["Error"]["Code"] if isinstance(exc, ClientError) else type(exc).__name__,
        where=what,
        value=str(exc),
        rule="an audit reads everything: what it cannot read may be anywhere",
        remedy="check the credentials (AWS_PROFILE), and that they may read (the managed policy ReadOnlyAccess)",
    )


def _instances(region: Region) -> Iterator[Found]:
    for reservation in region.pages("ec2", "describe_instances", "Reservations"):
        for each in reservation["Instances"]:
            if each["State"]["Name"] not in GONE:
                yield region.found("ec2/instance:Instance", each["InstanceId"])


def _volumes(region: Region) -> Iterator[Found]:
    for each in region.pages("ec2", "describe_volumes", "Volumes"):
        yield region.found("ebs/volume:Volume", each["VolumeId"])


def _snapshots(region: Region) -> Iterator[Found]:
    for each in region.pages("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"]):
        yield region.found("ebs/snapshot:Snapshot", each["SnapshotId"])


def _images(region: Region) -> Iterator[Found]:
    for each in region.pages("ec2", "describe_images", "Images", Owners=["self"]):
        yield region.found("ec2/ami:Ami", each["ImageId"])


def _keys(region: Region) -> Iterator[Found]:
    client = region.client("kms")
    for each in region.pages("kms", "list_keys", "Keys"):
        key = client.describe_key(KeyId=each["KeyId"])["KeyMetadata"]
        if key["KeyManager"] == "CUSTOMER" and key["KeyState"] != "PendingDeletion":
            yield region.found("kms/key:Key", each["KeyId"], multiRegion=key.get("MultiRegion", False))


def _secrets(region: Region) -> Iterator[Found]:
    client = region.client("secretsmanager")
    for each in region.pages("secretsmanager", "list_secrets", "SecretList"):
        described = client.describe_secret(SecretId=each["ARN"])
        replicas = [{"region": replica["Region"]} for replica in described.get("ReplicationStatus", [])]
        yield region.found("secretsmanager/secret:Secret", each["Name"], replicas=replicas)


def _repositories(region: Region) -> Iterator[Found]:
    for each in region.pages("ecr", "describe_repositories", "repositories"):
        yield region.found("ecr/repository:Repository", each["repositoryName"])


def _registry_replication(region: Region) -> Iterator[Found]:
    rules = region.client("ecr").describe_registry()["replicationConfiguration"]["rules"]
    if rules:
        yield region.found("ecr/replicationConfiguration:ReplicationConfiguration", "registry", rules=rules)


def _log_groups(region: Region) -> Iterator[Found]:
    for each in region.pages("logs", "describe_log_groups", "logGroups"):
        yield region.found("cloudwatch/logGroup:LogGroup", each["logGroupName"])


def _vaults(region: Region) -> Iterator[Found]:
    for each in region.pages("backup", "list_backup_vaults", "BackupVaultList"):
        # AWS makes an empty `Default` wherever somebody opens the console.
        if each["BackupVaultName"] != "Default" or each.get("NumberOfRecoveryPoints"):
            yield region.found("backup/vault:Vault", each["BackupVaultName"])


def _plans(region: Region) -> Iterator[Found]:
    client = region.client("backup")
    for each in region.pages("backup", "list_backup_plans", "BackupPlansList"):
        plan = client.get_backup_plan(BackupPlanId=each["BackupPlanId"])["BackupPlan"]
        copies = [
            {"destinationVaultArn": copy["DestinationBackupVaultArn"]}
            for rule in plan["Rules"]
            for copy in rule.get("CopyActions", [])
        ]
        yield region.found("backup/plan:Plan", plan["BackupPlanName"], copyActions=copies)


def _endpoints(region: Region) -> Iterator[Found]:
    for each in region.pages("sagemaker", "list_endpoints", "Endpoints"):
        yield region.found("sagemaker/endpoint:Endpoint", each["EndpointName"])


def _models(region: Region) -> Iterator[Found]:
    for each in region.pages("sagemaker", "list_models", "Models"):
        yield region.found("sagemaker/model:Model", each["ModelName"])


def _clusters(region: Region) -> Iterator[Found]:
    for each in region.pages("eks", "list_clusters", "clusters"):
        yield region.found("eks/cluster:Cluster", each)


READERS: Final[dict[str, tuple[Callable[[Region], Iterator[Found]], ...]]] = {
    "ec2": (_instances, _volumes, _snapshots, _images),
    "kms": (_keys,),
    "secretsmanager": (_secrets,),
    "ecr": (_repositories, _registry_replication),
    "logs": (_log_groups,),
    "backup": (_vaults, _plans),
    "sagemaker": (_endpoints, _models),
    "eks": (_clusters,),
}


def _buckets(session: boto3.Session) -> Iterator[Found]:
    """Buckets are listed once for all regions; each says where it lies."""
    client = session.client("s3", config=CONFIG)
    try:
        for bucket in client.list_buckets()["Buckets"]:
            name = bucket["Name"]
            # us-east-1 is written as nothing, eu-west-1 of old as EU.
            place = client.get_bucket_location(Bucket=name)["LocationConstraint"] or "us-east-1"
            region = "eu-west-1" if place == "EU" else place
            replication = _replication(client, name)
            properties = {} if replication is None else {"replicationConfiguration": replication}
            yield Found("aws:s3/bucket:Bucket", name, region, properties)
    except (BotoCoreError, ClientError) as exc:
        raise _unreadable("the account's buckets", exc) from exc


def _replication(client: Any, bucket: str) -> Mapping[str, Any] | None:
    try:
        replication: Mapping[str, Any] = client.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
    except ClientError as exc:
        if exc.response["Error"]["Code"] == "ReplicationConfigurationNotFoundError":
            return None
        raise
    return replication
