"""The assets of a stack: where its settings and its state backend put everything."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from trivet.residency.asset import Asset
from trivet.residency.tables import Provider, Tables
from trivet.spec import AssetKind, Settings, StackSpec

ON_THE_HOST: dict[AssetKind, str] = {
    "compute": "the machine",
    "volume": "audit and quotas",
    "model-cache": "models",
    "log": "containers' logs",
    "telemetry": "metrics, which nobody is sent",
}
IN_THE_CLOUD: dict[AssetKind, str] = {
    "bucket": "the bundle's bucket",
    "key": "what encrypts the disk, the bucket and the logs",
    "log": "the network's log",
    "secret": "API keys on the machine",
}
ENDPOINTS = {"sagemaker": "sagemaker"}  # target → the service of the provider's table
BEHIND_AN_ENDPOINT: dict[AssetKind, str] = {
    "registry": "the region's registry",
    "telemetry": "alarms",
}
WITH_THE_OPERATOR: dict[AssetKind, str] = {
    "control-plane": "Pulumi",
    "key": "API keys",
    "registry": "store of images and models",
}
Place = dict[str, Any]


def stack_assets(spec: StackSpec, settings: Settings, tables: Tables, *, state_backend: str) -> tuple[Asset, ...]:
    """Everything of a stack that has a place.

    Args:
        spec: the stack.
        settings: where it runs.
        tables: where a provider handles requests.
        state_backend: URL of the Pulumi backend; state names hosts, models and key hashes, and holds secrets.
    """
    target: str = settings.target
    cloud = settings.tier == "cloud"
    provider: str = settings.provider or target
    hosts: list[Place]
    if settings.tier == "onprem":
        hosts = [{"countries": (settings.country,) if settings.country else ()}]
    else:
        hosts = [{"provider": provider, "region": region} for region in settings.regions]
    people: Place = {"countries": settings.operated_from}
    # Where the target is this machine, Pulumi runs on it too; elsewhere it runs where people sit.
    operator = hosts[0] if target == "local" else people
    state = _state(state_backend, settings, operator)
    assets = [Asset(kind=kind, name=name, **host) for host in hosts for kind, name in ON_THE_HOST.items()]
    assets += [Asset(kind=kind, name=name, **operator) for kind, name in WITH_THE_OPERATOR.items()]
    assets += [Asset(kind=kind, name=name, **host) for host in hosts for kind, name in IN_THE_CLOUD.items() if cloud]
    if target in ENDPOINTS:
        assets += [Asset(kind=kind, name=name, **host) for host in hosts for kind, name in BEHIND_AN_ENDPOINT.items()]
        assets += [Asset(kind="compute", name="the endpoint", **host, service=ENDPOINTS[target]) for host in hosts]
    assets.append(Asset(kind="state-backend", name="Pulumi's state", **state))
    assets.append(Asset(kind="secret", name="secrets in Pulumi's state", **state))
    assets.append(Asset(kind="support-access", name="people who operate it", **people))
    if frontier := spec.gateway.frontier:
        assets.append(Asset(kind="inference-routing", name="frontier", countries=(frontier.country,)))
    if settings.tier != "onprem" and provider in tables.providers:
        entry = settings.modal.routing_region if settings.modal else None
        for region in settings.regions:
            assets += handled_by(tables.providers[provider], region, entry=entry)
    if settings.modal:
        assets.append(_registry("registry that Modal pulls from", settings.modal.registry_country))
    if settings.kubernetes:
        assets.append(_registry("registry that the cluster pulls from", settings.kubernetes.registry_country))
    return tuple(assets)


def handled_by(provider: Provider, region: str, *, entry: str | None = None) -> tuple[Asset, ...]:
    """Where a provider handles what is done to, and asked of, machines in one of its regions.

    `entry` is the region through which requests are routed, where somebody pinned it.
    """
    here: Place = {"provider": provider.name, "region": region}
    api: Place = {"countries": provider.control_plane} if provider.control_plane else here
    way: Place = {"countries": provider.routing} if provider.routing else here
    if entry is not None:
        way = {"provider": provider.name, "region": entry}
    return (
        Asset(kind="control-plane", name=f"{provider.title}'s API", **api),
        Asset(kind="inference-routing", name="requests on their way", **way),
    )


def _registry(name: str, country: str | None) -> Asset:
    """A registry that images and models are pulled from; its URL does not tell where it is."""
    return Asset(kind="registry", name=name, countries=(country,) if country else ())


def _state(url: str, settings: Settings, operator: Place) -> Place:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return operator
    regions = parse_qs(parts.query).get("region", [])
    declared = {"countries": (settings.state_country,) if settings.state_country else ()}
    if parts.scheme == "s3" and len(regions) == 1:
        return {"provider": "aws", "region": regions[0], **declared}
    return declared
