"""The gateway's configuration, `gateway.json`, less what only an installer knows: hashes of the keys it makes."""

from __future__ import annotations

from typing import Any

from trivet.render.deployed import RUNTIMES, deployed, service_name
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.gateway import Frontier, Team
from trivet.spec.model import ModelKind

PORT = 8080
CONFIG_FILE = "/etc/trivet/gateway.json"
DATA = "/var/lib/trivet"
FRONTIER_KEY_FILE = "/run/secrets/frontier"
CAPABILITIES: dict[ModelKind, list[str]] = {"chat": ["chat", "completions"], "embedding": ["embeddings"]}


def gateway_config(spec: StackSpec, lock: Lock, settings: Settings) -> dict[str, Any]:
    """The configuration as JSON data, in the shape of `trivet_gateway.config.GatewayConfig`."""
    gateway = spec.gateway
    return {
        "identity": _identity(spec, lock, settings),
        "listen": {"host": "0.0.0.0", "port": PORT},  # noqa: S104  # inside its own container
        "models": _models(spec, lock),
        "routes": list(gateway.routes),
        "dataClasses": list(gateway.data_classes),
        "defaultDataClass": gateway.default_data_class,
        "teams": [_team(team) for team in gateway.teams],
        "limits": gateway.limits.model_dump(mode="json", by_alias=True),
        "audit": {"path": f"{DATA}/audit.sqlite", "prompts": gateway.audit.prompts},
        **({"frontier": _frontier(gateway.frontier)} if gateway.frontier else {}),
    }


def _identity(spec: StackSpec, lock: Lock, settings: Settings) -> dict[str, Any]:
    return {
        "specDigest": spec.digest,
        "lockDigest": lock.digest,
        "images": {name: lock.images[name].manifest for name in spec.images},
        "models": {model.name: lock.models[model.name].manifest for model in spec.models},
        "tier": settings.tier,
        "region": settings.region,
    }


def _models(spec: StackSpec, lock: Lock) -> list[dict[str, Any]]:
    models = []
    for each in deployed(spec, lock):
        model, runtime = each.model, RUNTIMES[each.model.runtime]
        models.append(
            {
                "name": model.name,
                "kind": model.kind,
                "url": f"http://{service_name(model.name)}:{runtime.traits.port}",
                "contextLength": model.context_length,
                "capabilities": CAPABILITIES[model.kind],
                "concurrency": runtime.concurrency(each),
                **({"dimensions": model.dimensions} if model.dimensions else {}),
            }
        )
    return models


def _team(team: Team) -> dict[str, Any]:
    return {
        "name": team.name,
        "models": list(team.models),
        "dataClasses": list(team.data_classes),
        "quota": team.quota.model_dump(mode="json", by_alias=True),
        "keys": [{"name": key.name, **({"sha256": key.sha256} if key.sha256 else {})} for key in team.keys],
    }


def _frontier(frontier: Frontier) -> dict[str, Any]:
    where = frontier.model_dump(mode="json", by_alias=True, exclude={"country"})
    return {**where, "apiKeyFile": FRONTIER_KEY_FILE}
