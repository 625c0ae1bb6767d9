"""The whole stack in one container: what `trivet_gateway.node` is told to start there, in which order."""

from __future__ import annotations

from typing import Any

from trivet.render.deployed import RUNTIMES, deployed
from trivet.render.gateway import FRONTIER_KEY_FILE, PORT, gateway_config
from trivet.render.node_image import PYTHON, NodeImage
from trivet.render.runtime import Deployed, argv
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.lock import LockedModel

FIRST_PORT = 8081
DRAIN_SECONDS = 30  # the gateway's limits.drainSeconds


def node_image(spec: StackSpec) -> NodeImage:
    """The container's image.

    Raises:
        SpecError: one container cannot hold it.
    """
    return NodeImage(spec, {name: runtime.traits for name, runtime in RUNTIMES.items()})


def node_plan(
    spec: StackSpec,
    lock: Lock,
    settings: Settings,
    *,
    weights: str,
    audit: str,
    config: str | None = None,
    copies: str | None = None,
    user: int | None = None,
) -> dict[str, Any]:
    """The plan, in the shape of `trivet_gateway.node.plan.Plan`.

    Args:
        spec: the stack.
        lock: what it was locked to.
        settings: where it runs.
        weights: directory with every model, read-only.
        audit: the gateway's database.
        config: the gateway's configuration; None where it is told later.
        copies: directory that outlives the container; None where only its log does.
        user: number of the user that the servers run as; None leaves it.
    """
    image = node_image(spec)
    ports = _ports(spec)
    models = [_at(each, lock, weights) for each in deployed(spec, lock)]
    return {
        "models": [_server(each, image, spec, ports[each.model.name]) for each in models],
        "gateway": {
            "name": "gateway",
            "argv": [PYTHON, "-m", "trivet_gateway", *([config] if config else [])],
            "environment": image.gateway_environment,
            "health": f"http://127.0.0.1:{PORT}/health",
        },
        "audit": audit,
        "copies": copies,
        "frontier_key_file": FRONTIER_KEY_FILE,
        "start_seconds": settings.wait_seconds,
        "drain_seconds": DRAIN_SECONDS + 5,
        "user": user,
    }


def node_gateway(spec: StackSpec, lock: Lock, settings: Settings) -> dict[str, Any]:
    """The gateway's configuration, with every model on the container's own loopback."""
    gateway, ports = gateway_config(spec, lock, settings), _ports(spec)
    gateway["models"] = [{**each, "url": f"http://127.0.0.1:{ports[each['name']]}"} for each in gateway["models"]]
    return gateway


def model_directory(model: LockedModel) -> str:
    """A model's directory below that of the weights, named for its content."""
    return f"models/{model.manifest.removeprefix('sha256:')}"


def _ports(spec: StackSpec) -> dict[str, int]:
    return {model.name: FIRST_PORT + index for index, model in enumerate(spec.models)}


def _at(each: Deployed, lock: Lock, weights: str) -> Deployed:
    place = f"{weights}/{model_directory(lock.models[each.model.name])}"
    return Deployed(each.model, each.files, each.arguments, each.resources, place)


def _server(each: Deployed, image: NodeImage, spec: StackSpec, port: int) -> dict[str, Any]:
    runtime = RUNTIMES[each.model.runtime]
    command = {**runtime.command(each), "--host": "127.0.0.1", "--port": str(port)}
    return {
        "name": each.model.name,
        "argv": [*image.program(spec.runtimes[each.model.runtime].image), *argv(command)],
        "environment": dict(runtime.traits.environment),
        "health": f"http://127.0.0.1:{port}/health",
    }
