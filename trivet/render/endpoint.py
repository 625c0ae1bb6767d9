"""A stack in one container behind a managed endpoint: its image's start, and what lies beside the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from trivet.errors import SpecError
from trivet.render.gateway import PORT
from trivet.render.hardening import USER
from trivet.render.node_image import NodeImage
from trivet.render.node_plan import model_directory, node_gateway, node_image, node_plan
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.digest import canonical_json
from trivet.spec.lock import LockedFile
from trivet_gateway.node import PLAN_FILE

Platform = Literal["sagemaker", "vertex", "azureml"]
NODE = "node.json"
GATEWAY = "gateway.json"
AUDIT = "/tmp/trivet/audit.sqlite"  # noqa: S108  # the container's own disk; the node makes the directory, 0700


@dataclass(frozen=True)
class Endpoint:
    """One container.

    Attributes:
        image: what it is put together from.
        environment: variables that the platform sets.
        files: texts below the model's directory, by path.
        weights: the models' files below it, by path.
        team: whom requests by way of the platform count for.
    """

    image: NodeImage
    environment: dict[str, str]
    files: dict[str, str]
    weights: dict[str, LockedFile]
    team: str


def endpoint(spec: StackSpec, lock: Lock, settings: Settings, *, platform: Platform, root: str) -> Endpoint:
    """What the stack is behind a platform that shows the container its model's directory at `root`, read-only.

    Only keys that the spec itself pins by their hash open the gateway's own routes there: nobody makes others.

    Raises:
        SpecError: one container cannot hold it, or it has a frontier: the container has no way out.
    """
    if spec.gateway.frontier:
        raise SpecError(
            where="gateway.frontier",
            value=spec.gateway.frontier.url,
            rule="a container behind a managed endpoint has no way out of its network",
            remedy="remove the frontier from the spec",
        )
    plan = node_plan(spec, lock, settings, weights=root, audit=AUDIT, config=f"{root}/{GATEWAY}")
    gateway = node_gateway(spec, lock, settings)
    team = spec.gateway.teams[0].name
    gateway |= {
        "teams": [{**each, "keys": [key for key in each["keys"] if "sha256" in key]} for each in gateway["teams"]],
        "audit": {**gateway["audit"], "path": AUDIT},
        "endpoint": {"platform": platform, "team": team},
    }
    return Endpoint(
        image=node_image(spec),
        environment={PLAN_FILE: f"{root}/{NODE}"},
        files={NODE: _text(plan), GATEWAY: _text(gateway)},
        weights={
            f"{model_directory(lock.models[model.name])}/{file.path}": file
            for model in spec.models
            for file in lock.models[model.name].files
        },
        team=team,
    )


def image_config(image: NodeImage, inherited: dict[str, object]) -> dict[str, object]:
    """The `config` of the container's image, upon that of its root: it starts the node, whatever word follows."""
    named = dict(each.split("=", 1) for each in _strings(inherited.get("Env")))
    return {
        **{key: value for key, value in inherited.items() if key not in ("Cmd", "Entrypoint", "Healthcheck")},
        "Entrypoint": ["/usr/bin/python3", "-m", "trivet_gateway.node"],
        "Env": [f"{name}={value}" for name, value in {**named, **image.environment}.items()],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "User": USER,
    }


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(document: object) -> str:
    return json.dumps(json.loads(canonical_json(document)), indent=1) + "\n"
