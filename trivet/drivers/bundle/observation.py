"""What an installation is seen to be, in the same shape as what it ought to be: drift is the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trivet.drivers.bundle.units import ABSENT, Supervised, promised
from trivet.render import Installation
from trivet.render.compose import CONFIG, DEFINITION, GATEWAY
from trivet.spec.base import Frozen
from trivet.spec.digest import canonical_json, sha256_digest

NEW = "new"
NO_UPDATE, UNFINISHED = "none", "unfinished"


class ContainerState(Frozen):
    """A container. `image`: digest of the manifest in the lock, else the engine's id; `definition`: its label."""

    state: str
    health: str
    image: str
    definition: str


class Observation(Frozen):
    """Containers by service, digest of the gateway's configuration, hashes of the operator's keys, and the units.

    `update`: whether one was begun and neither kept nor taken back.
    """

    containers: dict[str, ContainerState]
    config: str
    keys: dict[str, str]
    supervision: Supervised
    update: str = NO_UPDATE


NOTHING = Observation(containers={}, config="", keys={}, supervision=Supervised(units={}, program=ABSENT))


def desired(installation: Installation, keys: Mapping[str, str | None]) -> Observation:
    """What `observe` finds when all is well; `keys` that do not exist yet have no hash, and nor has what holds them."""
    known = {name: sha256 for name, sha256 in keys.items() if sha256}
    return Observation(
        containers=desired_containers(installation),
        config=sha256_digest(config_text(installation.gateway, known)) if len(known) == len(keys) else NEW,
        keys={name: sha256 or NEW for name, sha256 in keys.items()},
        supervision=promised(installation),
    )


def desired_containers(installation: Installation) -> dict[str, ContainerState]:
    """Every service, running and healthy."""
    manifests = {image.reference: image.manifest for image in installation.images.values()}
    return {
        name: ContainerState(
            state="running",
            health="healthy",
            image=manifests[service["image"]],
            definition=service["labels"][DEFINITION],
        )
        for name, service in installation.services.items()
    }


def config_text(gateway: Mapping[str, Any], keys: Mapping[str, str]) -> bytes:
    """`gateway.json`: the configuration with the hash of every key."""
    teams = [
        {**team, "keys": [{**key, "sha256": keys[f"{team['name']}-{key['name']}"]} for key in team["keys"]]}
        for team in gateway["teams"]
    ]
    return canonical_json({**gateway, "teams": teams})


def running_config(config: Mapping[str, Any], secret: bytes) -> str:
    """Digest of what the gateway reads once, at its start: all but `identity`, which it reads anew when asked."""
    return sha256_digest(canonical_json({key: value for key, value in config.items() if key != "identity"}) + secret)


def labelled(services: Mapping[str, Mapping[str, Any]], config: str) -> dict[str, dict[str, Any]]:
    """The services, with the gateway's label saying which configuration it is to be started with."""
    gateway = dict(services[GATEWAY])
    gateway["labels"] = {**gateway["labels"], CONFIG: config}
    return {**{name: dict(service) for name, service in services.items()}, GATEWAY: gateway}
