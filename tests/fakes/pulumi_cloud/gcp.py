"""Google Cloud as the back end of the stand-in: what the programs use, with what Google refuses of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.fakes.pulumi_cloud.estate import Cloud, Context, Kind
from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError
from tests.fakes.pulumi_cloud.schema import Failure

ZONES: Final = {"africa-south1": "abc", "europe-west1": "bcd", "europe-west3": "abc", "europe-west4": "abc"}
WITH_GPUS: Final = ("a2", "a3", "g2", "g4")  # families
GPU_REGIONS: Final = ("europe-west4", "europe-west1", "europe-west3")
FAMILIES: Final = (*WITH_GPUS, "e2", "n2", "c3")
IMAGES: Final = ("debian-cloud", "own-images")  # projects
NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
ACCOUNT: Final = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")
BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
PATH: Final = re.compile(r"(?:logging\.googleapis\.com/)?(?P<id>projects/[a-z][^/]*/(?!global/images/).+)")
EMAIL: Final = re.compile(r"(serviceAccount:)?(?P<email>[a-z0-9-]+@(?P<project>[a-z0-9-]+)\.iam\.gserviceaccount\.com)")
AGENTS: Final = ("compute-system", "gs-project-accounts")  # projects of Google's own accounts
MAY_ENCRYPT: Final = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
GRANT: Final = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"


def _zone_of(inputs: Properties, context: Context) -> str:
    return str(inputs.get("zone", context.config.get("zone")))


def _known(place: str) -> str | None:
    return None if place in ZONES else f"Location {place} is not found or access is unauthorized."


def _located(_context: Context, inputs: Properties) -> str | None:
    return _known(inputs["location"])


def _named(_context: Context, inputs: Properties) -> str | None:
    name = inputs["name"]
    return None if NAME.fullmatch(name) else f"Invalid value for field 'resource.name': '{name}'."


def _encrypts(context: Context, key: str, region: str, agent: str) -> str | None:
    """A key serves its own place alone, and whoever was granted it."""
    if f"/locations/{region}/" not in key:
        return f"The Cloud KMS key {key} is not available in {region}."
    members = [
        each.inputs["member"]
        for each in context.of(GRANT)
        if each.inputs["cryptoKeyId"] == key and each.inputs["role"] == MAY_ENCRYPT
    ]
    if not any(agent in member for member in members):
        return f"Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on {key} for the service agent {agent}."
    return None


def _bucket(context: Context, inputs: Properties) -> str | None:
    if not BUCKET.fullmatch(inputs["name"]):
        return f"Invalid bucket name: '{inputs['name']}'"
    key = inputs.get("encryption", {}).get("defaultKmsKeyName")
    return _located(context, inputs) or (
        _encrypts(context, key, inputs["location"], "gs-project-accounts") if key else None
    )


def _object(context: Context, inputs: Properties) -> str | None:
    if inputs["bucket"] not in context.records:
        return "The specified bucket does not exist."
    file = Path(inputs["source"]["path"])
    return None if file.is_file() else f"open {file}: no such file or directory"


def _firewall(context: Context, inputs: Properties) -> str | None:
    if bool(inputs.get("allows")) == bool(inputs.get("denies")):
        return "exactly one of allow, deny must be specified"
    if inputs.get("direction", "INGRESS") == "EGRESS" and inputs.get("sourceRanges"):
        return "Source ranges are not allowed for egress firewalls."
    if inputs.get("direction", "INGRESS") == "INGRESS" and inputs.get("destinationRanges"):
        return "this stand-in takes no destination of what comes in"
    if len(inputs["name"]) > 63 or not 0 <= inputs.get("priority", 1000) <= 65535:
        return "Invalid value for field 'resource'"
    return _named(context, inputs)


def _subnet(context: Context, inputs: Properties) -> str | None:
    ipaddress.IPv4Network(inputs["ipCidrRange"])
    return _known(inputs["region"]) or _named(context, inputs)


def _account(_context: Context, inputs: Properties) -> str | None:
    name = inputs["accountId"]
    return None if ACCOUNT.fullmatch(name) else f'"account_id" ("{name}") does not match its pattern'


def _log_bucket(context: Context, inputs: Properties) -> str | None:
    days = inputs.get("retentionDays", 30)
    return _located(context, inputs) or (None if 1 <= days <= 3650 else f"Invalid retention: {days}")


def _instance(context: Context, inputs: Properties) -> str | None:
    zone, machine = _zone_of(inputs, context), inputs["machineType"]
    region, _, letter = zone.rpartition("-")
    if letter not in ZONES.get(region, ""):
        return f"Invalid value for field 'zone': '{zone}'. Unknown zone."
    family = machine.partition("-")[0]
    if family not in FAMILIES or (family in WITH_GPUS and region not in GPU_REGIONS):
        return f"Invalid value for field 'resource.machineType': '{machine}'. It does not exist in zone '{zone}'."
    if family in WITH_GPUS and inputs.get("scheduling", {}).get("onHostMaintenance") != "TERMINATE":
        return "Instances with guest accelerators do not support live migration."
    disk = inputs["bootDisk"]
    if disk["initializeParams"]["image"].split("/")[1] not in IMAGES:
        return f"The resource '{disk['initializeParams']['image']}' was not found"
    key = disk.get("kmsKeySelfLink")
    return _named(context, inputs) or (_encrypts(context, key, region, "compute-system") if key else None)


def _budget(context: Context, _inputs: Properties) -> str | None:
    if context.config.get("userProjectOverride") is True and context.config.get("billingProject"):
        return None
    return "The billingbudgets.googleapis.com API requires a quota project, which is not set by default."


def _interfaces(words: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{**each, "networkIp": "10.20.0.2"} for each in words["networkInterfaces"]]


KINDS: Final = {
    "gcp:kms/keyRing:KeyRing": Kind(
        "projects/{project}/locations/{location}/keyRings/{name}", check=_located, stays=True
    ),
    "gcp:kms/cryptoKey:CryptoKey": Kind("{keyRing}/cryptoKeys/{name}"),
    GRANT: Kind("{cryptoKeyId}/{role}/{member}", named="condition"),
    "gcp:storage/bucket:Bucket": Kind("{name}", check=_bucket, outputs={"url": "gs://{name}"}),
    "gcp:storage/bucketObject:BucketObject": Kind("{bucket}-{name}", check=_object),
    "gcp:storage/bucketIAMMember:BucketIAMMember": Kind("b/{bucket}/{role}/{member}", named="condition"),
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": Kind(
        "projects/{project}/locations/{location}/buckets/{bucketId}", named="bucketId", check=_log_bucket
    ),
    "gcp:logging/projectSink:ProjectSink": Kind("projects/{project}/sinks/{name}"),
    "gcp:logging/projectExclusion:ProjectExclusion": Kind("projects/{project}/exclusions/{name}"),
    "gcp:serviceaccount/account:Account": Kind(
        "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
        named="accountId",
        check=_account,
        outputs={
            "email": "{accountId}@{project}.iam.gserviceaccount.com",
            "member": "serviceAccount:{accountId}@{project}.iam.gserviceaccount.com",
        },
    ),
    "gcp:compute/network:Network": Kind("projects/{project}/global/networks/{name}", check=_named),
    "gcp:compute/subnetwork:Subnetwork": Kind("projects/{project}/regions/{region}/subnetworks/{name}", check=_subnet),
    "gcp:compute/route:Route": Kind("projects/{project}/global/routes/{name}", check=_named),
    "gcp:compute/firewall:Firewall": Kind("projects/{project}/global/firewalls/{name}", check=_firewall),
    "gcp:compute/instance:Instance": Kind(
        "projects/{project}/zones/{zone}/instances/{name}",
        check=_instance,
        outputs={"networkInterfaces": _interfaces},
        changes=frozenset({"metadata", "labels", "deletionProtection", "shieldedInstanceConfig"}),
    ),
    "gcp:dns/managedZone:ManagedZone": Kind("projects/{project}/managedZones/{name}", check=_named),
    "gcp:dns/recordSet:RecordSet": Kind("projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}"),
    "gcp:monitoring/notificationChannel:NotificationChannel": Kind(
        "projects/{project}/notificationChannels/{channel}", named="channel"
    ),
    "gcp:billing/budget:Budget": Kind(
        "billingAccounts/{billingAccount}/budgets/{budget}", named="budget", check=_budget
    ),
}


def _id_in(text: str) -> str | None:
    if path := PATH.fullmatch(text):
        return path["id"]
    email = EMAIL.fullmatch(text)
    if email is None or email["project"] in AGENTS:
        return None
    return f"projects/{email['project']}/serviceAccounts/{email['email']}"


class Gcp(Cloud):
    """One provider of the package gcp."""

    def __init__(self) -> None:
        super().__init__(KINDS, _id_in)

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take project, place and labels."""
        for key, value in config.get("defaultLabels", {}).items():
            if not LABEL.fullmatch(key) or not LABEL.fullmatch(value):
                raise RefusedError(f"Label key or value '{key}={value}' violates format constraints.")
        super().configure(config)

    def failures(self, token: str, inputs: Mapping[str, Any]) -> list[Failure]:
        """Google has no default for a project."""
        missing = not inputs.get("project") and not self._config.get("project")
        return [("project", "project: required field is not set")] if missing else super().failures(token, inputs)
