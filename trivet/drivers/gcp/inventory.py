"""What exists in a project, a folder or an organisation of Google Cloud: its asset inventory, read page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from trivet.drivers.asking import ask
from trivet.drivers.found import Found

URL: Final = "https://cloudasset.googleapis.com"
PAGE: Final = 500
FIELDS: Final = "name,assetType,location,versionedResources"
REMEDY: Final = "enable cloudasset.googleapis.com, and grant the role cloudasset.viewer on what is audited"
ZONE: Final = re.compile(r".+-[a-z]")
# Services whose modules have another name in Pulumi's package.
MODULES: Final = {
    "aiplatform": "vertex",
    "billingbudgets": "billing",
    "cloudbilling": "billing",
    "cloudkms": "kms",
    "cloudresourcemanager": "projects",
    "iam": "serviceaccount",
    "serviceusage": "projects",
}
# Types that the rules know by another name.
NAMES: Final = {
    "logging/LogBucket": "ProjectBucketConfig",
    "logging/LogSink": "ProjectSink",
    "logging/LogExclusion": "ProjectExclusion",
    "dns/ResourceRecordSet": "RecordSet",
}
PARTS: Final = ("compute/Project", "secretmanager/SecretVersion")  # of what is judged itself, or no place at all
# What the rules judge besides the place.
KEPT: Final = ("storageLocations", "replication", "destination", "customPlacementConfig", "snapshotSchedulePolicy")


def inventory(client: httpx.Client, scope: str, *, url: str = URL) -> tuple[Found, ...]:
    """Everything of a scope: `projects/…`, `folders/…` or `organizations/…`.

    Raises:
        CloudError: it could not be read.
    """
    assets = _pages(client, f"{url.rstrip('/')}/v1/{scope}:searchAllResources")
    return tuple(_found(each) for each in assets if _own_type(each) not in PARTS)


def _pages(client: httpx.Client, url: str) -> Iterator[Mapping[str, Any]]:
    asked: dict[str, str | int] = {"pageSize": PAGE, "readMask": FIELDS}
    while True:
        page = ask(client, "GET", url, remedy=REMEDY, params=asked)
        yield from page.get("results", [])
        if not (token := page.get("nextPageToken")):
            return
        asked["pageToken"] = token


def _found(asset: Mapping[str, Any]) -> Found:
    """`compute.googleapis.com/Instance` in the words of `pulumi-gcp`."""
    module, _, own = _own_type(asset).partition("/")
    name = NAMES.get(f"{module}/{own}", own)
    judged = _judged(asset)
    place = _replicas(judged) or asset.get("location", "")
    key = "zone" if ZONE.fullmatch(place) else "location"
    properties = {**({key: place} if place else {}), **judged}
    return Found(
        f"gcp:{module}/{name[0].lower()}{name[1:]}:{name}", asset["name"].rpartition("/")[2], place, properties
    )


def _own_type(asset: Mapping[str, Any]) -> str:
    """Module and type."""
    host, _, own = asset["assetType"].partition("/")
    service = host.partition(".")[0]
    return f"{MODULES.get(service, service)}/{own}"


def _replicas(judged: Mapping[str, Any]) -> str:
    """Where a secret lies that is called global and has its replicas at places of the owner's choice."""
    managed = judged.get("replication", {}).get("userManaged")
    return str(managed["replicas"][0]["location"]) if managed else ""


def _judged(asset: Mapping[str, Any]) -> dict[str, Any]:
    """The newest version of the resource as its own API writes it, as far as rules look at it."""
    versions = asset.get("versionedResources", [])
    resource = versions[-1]["resource"] if versions else {}
    return {key: resource[key] for key in KEPT if key in resource}
