"""Cloud resources as assets: what a resource's properties say about where it, and each copy of it, lies.

Pure, and closed: a resource that says nothing of its place is an asset without one, and so are packages that nobody
has described here. Only what is listed as holding none of the stack's data has no asset.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from trivet.residency.asset import Asset
from trivet.residency.resource_types import (
    COMPUTE,
    DEPENDENT,
    GLOBAL,
    IN_THE_PROVIDER_S_REGION,
    KINDS,
    PROVIDERS,
    REPLICAS,
    SENDERS,
    WITHOUT_DATA,
)
from trivet.residency.tables import Tables
from trivet.spec import AssetKind


class _Unknown:
    """The type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = _Unknown()  # a value that is not known yet, as in a preview

OWN_KEYS: Final = {"aws": ("region",), "gcp": ("location", "locationId", "region", "zone"), "azure": ("location",)}
# Which keys name a place, at any depth. What starts with `source` says where something comes from, not where it goes.
PLACE_KEY: Final = re.compile(
    r"^(?!source)(region(Name)?|.*Regions?|regions|location(Name|Id)?|.*Locations?|locations)$"
)
# What names a place by an address that may hold none, or may not be known yet.
TARGET_KEY: Final = re.compile(r"^(destination.*Arn|bucketArn|copyFrom)$")
# Below what says where copies go, what is not known yet is a place, but for the copies' keys and accounts.
CARRIER_KEY: Final = re.compile(
    r"^(replicas?|replication(Configurations?)?|userManaged|copyActions|messageStoragePolicy)$"
)
NO_PLACE_KEY: Final = re.compile(r"^(kmsKey.*|registryId)$")
ARN: Final = re.compile(r"arn:aws[a-z-]*:(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]+):")
GCP_PATH: Final = re.compile(r"(?:^|/)(?:locations|regions)/(?P<region>[a-z0-9-]+)(?:/|$)")
# An id such as eu.anthropic.claude-…, alone or at the end of an ARN: the first part is the routing geography.
PROFILE: Final = re.compile(
    r"(?:^|inference-profile/)(?P<geography>global|us|us-gov|eu|apac|jp|au|ca)\.[a-z0-9-]+\.[a-z0-9]"
)
GEO_REDUNDANT: Final = re.compile(r"_(RA)?G(Z)?RS$")
# Where Azure's logs go: by ids, which name a resource group and no region.
DIAGNOSTIC_TARGETS: Final = ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId", "serviceBusRuleId")
GROUP: Final = re.compile(r"/subscriptions/[^/]+/resourcegroups/[^/]+")
IN_ONE_REGION: Final = ("LocallyRedundant", "ZoneRedundant")  # of a backup vault, which is geo-redundant by itself


def resource_assets(
    kind: str, name: str, properties: Mapping[str, Any], provider: Mapping[str, Any], tables: Tables
) -> tuple[Asset, ...]:
    """Everything that one resource puts somewhere.

    Args:
        kind: the type, as Pulumi writes it (`aws:ec2/instance:Instance`).
        name: the resource's name.
        properties: its inputs; `UNKNOWN` stands for what a preview does not know.
        provider: the inputs of the provider that manages it, explicit, aliased or default.
        tables: for Azure's paired regions.
    """
    package, _, rest = re.sub(r"/v[0-9a-z]+:", ":", kind).partition(":")
    if package in WITHOUT_DATA:
        return ()
    cloud = PROVIDERS.get(package)
    if cloud is None:
        return (Asset(kind=COMPUTE, name=f"{name} ({kind})", provider=package),)
    if f"{package}:{rest}" in DEPENDENT or (re.split(r"[/:]", rest)[0] in GLOBAL[cloud] and not SENDERS.match(rest)):
        return ()
    label = f"{name} ({kind})"
    asset_kind = next((found for prefix, found in KINDS[cloud].items() if rest.startswith(prefix)), COMPUTE)
    inherits = cloud != "gcp" or rest in IN_THE_PROVIDER_S_REGION
    own = _own_places(cloud, properties, provider if inherits else {})
    if rest == "pubsub/topic:Topic":
        own = list(_places({"messageStoragePolicy": properties.get("messageStoragePolicy")}, cloud)) or [None]
    copy = REPLICAS.get(asset_kind, asset_kind)
    nested = {key: value for key, value in properties.items() if key not in OWN_KEYS[cloud]}
    placed = {
        *((asset_kind, place) for place in own),
        *((copy, place) for place in _places(nested, cloud)),
        *EXTRA[cloud](rest, properties, own[0], tables),
    }
    assets = [Asset(kind=each, name=label, provider=cloud, region=region) for each, region in placed]
    assets += [
        Asset(kind="inference-routing", name=label, provider="aws", service="bedrock-profile", region=geography)
        for geography in {found["geography"] for text in _texts(properties) for found in PROFILE.finditer(text)}
    ]
    return tuple(sorted(assets, key=lambda asset: (asset.kind, asset.place)))


def _own_places(cloud: str, properties: Mapping[str, Any], provider: Mapping[str, Any]) -> list[str | None]:
    """Where the resource itself lies: by its own properties, or else its provider's; None where nobody knows."""
    for source in (properties, provider):
        found = [
            _region(cloud, source[key], zone=key == "zone") for key in OWN_KEYS[cloud] if source.get(key) is not None
        ]
        if found:
            return found
    return [None]


def _region(cloud: str, value: object, *, zone: bool = False) -> str | None:
    if not isinstance(value, str):
        return None
    if cloud == "azure":
        return value.lower().replace(" ", "")
    if cloud == "gcp":  # which writes some places in capitals
        value = value.lower()
    return value.rpartition("-")[0] if zone else value


def _places(value: object, cloud: str, *, carried: bool = False) -> Iterator[str | None]:
    """Every place that nested properties name, and None for each that is not known yet.

    Args:
        value: the properties, or what lies below one.
        cloud: how it writes its regions.
        carried: whether it lies below what says where copies go.
    """
    if value is UNKNOWN:
        yield from [None] if carried else []
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if PLACE_KEY.match(key):
                yield from (
                    _region(cloud, place) for place in _leaves(each) if place is UNKNOWN or isinstance(place, str)
                )
            elif TARGET_KEY.match(key):
                yield from list(_places(each, cloud)) or [None]
            elif each is not UNKNOWN or not NO_PLACE_KEY.match(key):
                yield from _places(each, cloud, carried=carried or bool(CARRIER_KEY.match(key)))
    elif isinstance(value, str):
        pattern = {"aws": ARN, "gcp": GCP_PATH}.get(cloud)
        yield from (found["region"] for found in pattern.finditer(value)) if pattern else ()
    elif isinstance(value, Sequence):
        for each in value:
            yield from _places(each, cloud, carried=carried)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            yield from _leaves(each)
    elif value is not None:
        yield value


def _texts(value: object) -> Iterator[str]:
    return (leaf for leaf in _leaves(value) if isinstance(leaf, str))


Extra = Iterator[tuple[AssetKind, str | None]]


def _aws(rest: str, properties: Mapping[str, Any], _own: str | None, _tables: Tables) -> Extra:
    """Copies that AWS makes, or permits, at places that the properties do not name."""
    if properties.get("multiRegion") not in (None, False):
        yield "key-replica", None  # once a key is multi-region, anyone may replicate it
    if rest.startswith("s3") and ("eplication" in rest or properties.get("replicationConfiguration") is not None):
        yield "bucket-replica", None  # a destination is named by an ARN, and a bucket's ARN has no region
    if rest.startswith("cloudfront/") or "ultiRegion" in rest:
        yield "bucket-replica", None  # caches and access points anywhere
    if rest.startswith("globalaccelerator/"):
        yield "inference-routing", None  # its front ends take requests anywhere
    rules = properties.get("rules")
    if rest.startswith("backup/plan:") and UNKNOWN in (rules if isinstance(rules, Sequence) else [rules]):
        yield "backup", None  # any rule may copy
    if _logs_somewhere(rest, properties):
        yield "log", None


def _logs_somewhere(rest: str, properties: Mapping[str, Any]) -> bool:
    """Whether logs go to what is named without a region, as every bucket is."""
    if rest.startswith("cloudtrail/trail:"):
        return True  # always to a bucket
    if rest.startswith("ec2/flowLog:") and properties.get("logDestination") is UNKNOWN:
        return bool(properties.get("logDestinationType", "cloud-watch-logs") != "cloud-watch-logs")
    if rest.startswith("ec2/flowLog:"):
        target = properties.get("logDestination")
        return target is not None and not list(_places([target], "aws"))
    target = [properties.get("cloudwatchLogGroupArn"), properties.get("destinationArn")]
    return bool(SENDERS.match(rest)) and not list(_places(target, "aws"))


def _gcp(rest: str, properties: Mapping[str, Any], _own: str | None, _tables: Tables) -> Extra:
    """What Google puts where it pleases, unless it is told where."""
    if rest.startswith("compute/global"):
        yield "inference-routing", None  # its front ends take requests anywhere
    if rest.startswith(("compute/snapshot:", "compute/image:")) and not properties.get("storageLocations"):
        yield "snapshot", None
    schedule = properties.get("snapshotSchedulePolicy")
    if schedule is not None and not list(_places(schedule, "gcp")):
        yield "snapshot", None
    destination = properties.get("destination")
    if rest.startswith("logging/") and "Sink:" in rest and not list(_places([destination], "gcp")):
        yield "log", None  # a bucket's or a dataset's name does not tell where it lies
    replication = properties.get("replication")
    managed = isinstance(replication, Mapping) and replication.get("userManaged") is not None
    if rest.startswith("secretmanager/secret:") and not managed:
        yield "secret-replica", None  # automatic: Google chooses


def _azure(rest: str, properties: Mapping[str, Any], own: str | None, tables: Tables) -> Extra:
    sku = properties.get("sku")
    tier = sku.get("name") if isinstance(sku, Mapping) else sku
    pair = tables.providers["azure"].pairs.get(own or "")
    if rest == "storage:StorageAccount" and (not isinstance(tier, str) or GEO_REDUNDANT.search(tier)):
        yield "bucket-replica", pair
    if rest == "keyvault:Vault" and (own is None or pair is not None):
        yield "key-replica", pair  # vaults copy themselves to the paired region, where there is one
    if rest == "dataprotection:BackupVault" and not _stored_in_one_region(properties):
        yield "backup", pair
    if rest == "storage:ObjectReplicationPolicy":
        yield "bucket-replica", None  # the other account's id has no region
    if rest == "monitor:DiagnosticSetting" and _sent_elsewhere(properties):
        yield "log", None
    if rest == "recoveryservices:Vault" and _redundancy(properties) not in IN_ONE_REGION:
        yield "backup", pair
    if rest == "cognitiveservices:Deployment":
        routed = not isinstance(tier, str) or tier.startswith(("Global", "DataZone"))
        yield "inference-routing", None if routed else own


def _stored_in_one_region(properties: Mapping[str, Any]) -> bool:
    """Whether each of a backup vault's stores is known to stay where it is."""
    inner = properties.get("properties")
    stores = inner.get("storageSettings") if isinstance(inner, Mapping) else None
    if not isinstance(stores, Sequence) or not stores:
        return False
    return all(isinstance(each, Mapping) and each.get("type") in IN_ONE_REGION for each in stores)


def _sent_elsewhere(properties: Mapping[str, Any]) -> bool:
    """Whether logs leave the resource group: an id has no region, and a group of ours lies in one."""
    source = properties.get("resourceUri")
    if source is UNKNOWN:  # made by the same program; judged once it is there
        return False
    targets = [properties[key] for key in DIAGNOSTIC_TARGETS if isinstance(properties.get(key), str)]
    home = GROUP.match(str(source).lower())
    return any(home is None or not each.lower().startswith(f"{home[0]}/") for each in targets)


def _redundancy(properties: Mapping[str, Any]) -> object:
    """How a backup vault is stored, where that is known."""
    value: object = properties
    for key in ("properties", "redundancySettings", "standardTierStorageRedundancy"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


EXTRA: Final[dict[str, Callable[[str, Mapping[str, Any], str | None, Tables], Extra]]] = {
    "aws": _aws,
    "gcp": _gcp,
    "azure": _azure,
}
