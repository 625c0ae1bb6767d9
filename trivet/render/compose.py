"""The Compose model of a stack: one service a model, and the gateway as the only door."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from trivet.render import paths
from trivet.render.deployed import RUNTIMES, deployed, reference, service_name
from trivet.render.gateway import CONFIG_FILE, DATA, FRONTIER_KEY_FILE, PORT
from trivet.render.hardening import hardened
from trivet.render.runtime import Deployed, argv
from trivet.render.yaml_text import yaml_text
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.digest import json_digest

GATEWAY = "gateway"
DEFINITION = "dev.trivet.definition"
CONFIG = "dev.trivet.config"
AUDIT = "audit"
# Not /ready: while a model loads anew, the gateway is not ill, and `up --wait` would take it to be.
GATEWAY_PROBE = ("CMD", "python3", "-m", "trivet_gateway.probe", f"http://127.0.0.1:{PORT}/health")
GATEWAY_SCRATCH = "/tmp:rw,noexec,nosuid,nodev,size=64m"  # noqa: S108  # a mount inside the container
GRACE_SECONDS = 35  # requests in flight are answered first: limits.drainSeconds is 30
SHARED_MEMORY = "4g"
GPU: dict[str, Any] = {
    "deploy": {
        "resources": {"reservations": {"devices": [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]}}
    },
    "shm_size": SHARED_MEMORY,
}
CDI = "trivet.dev/gpu"  # the role gpu_partition says what a model's device of this kind is on its host
INSIDE, EDGE = "models", "edge"


def services(spec: StackSpec, lock: Lock, settings: Settings) -> dict[str, dict[str, Any]]:
    """The services by name, as Compose takes them but for `command`, which maps flags to values (see `compose_file`).

    Each carries a digest of its own definition as a label, so that a container tells what it was started as.
    """
    rendered = {service_name(each.model.name): _model(each, spec, lock, settings) for each in deployed(spec, lock)}
    rendered[GATEWAY] = _gateway(spec, lock, settings, after=sorted(rendered))
    return {
        name: {**service, "labels": {DEFINITION: json_digest(service)}} for name, service in sorted(rendered.items())
    }


def networks(spec: StackSpec) -> dict[str, dict[str, Any]]:
    """The models' network has no way out; the gateway's has one only where the spec lists a frontier."""
    masquerade = "true" if spec.gateway.frontier else "false"
    return {
        EDGE: {"driver_opts": {"com.docker.network.bridge.enable_ip_masquerade": masquerade}},
        INSIDE: {"internal": True},
    }


def volumes() -> dict[str, dict[str, Any]]:
    """What outlives a container: the audit."""
    return {AUDIT: {}}


def compose_file(
    project: str,
    services: Mapping[str, Mapping[str, Any]],
    networks: Mapping[str, Any],
    volumes: Mapping[str, Any],
) -> str:
    """The text of `compose.yaml`. Equal models give equal bytes."""
    document = {
        "name": project,
        "services": {name: {**service, **_command(service)} for name, service in services.items()},
        "networks": networks,
        "volumes": volumes,
    }
    return yaml_text(document, lambda text: text.replace("$", "$$"))  # Compose would put variables there


def _command(service: Mapping[str, Any]) -> dict[str, list[str]]:
    return {"command": argv(service["command"])} if "command" in service else {}


def _model(each: Deployed, spec: StackSpec, lock: Lock, settings: Settings) -> dict[str, Any]:
    model, runtime = each.model, RUNTIMES[each.model.runtime]
    traits, image = runtime.traits, spec.runtimes[model.runtime].image
    return {
        "image": reference(image, lock.images[image].manifest),
        "command": runtime.command(each),
        **hardened(
            resources=each.resources, restart=spec.restart(model), health=spec.health(model), probe=traits.probe
        ),
        "tmpfs": [traits.scratch],
        "volumes": [_bind(paths.model_file(file.digest), f"/models/{file.path}") for file in each.files],
        "networks": [INSIDE],
        **({"environment": dict(traits.environment)} if traits.environment else {}),
        **(_gpu(each, settings) if traits.gpu else {}),
    }


def _gpu(each: Deployed, settings: Settings) -> dict[str, Any]:
    """All cards; or, where the host's are partitioned, the model's own."""
    if settings.workstation is None or settings.workstation.gpu_partition is None:
        return GPU
    device = {"driver": "cdi", "device_ids": [f"{CDI}={each.model.name}"], "capabilities": ["gpu"]}
    return {**GPU, "deploy": {"resources": {"reservations": {"devices": [device]}}}}


def _gateway(spec: StackSpec, lock: Lock, settings: Settings, *, after: list[str]) -> dict[str, Any]:
    gateway = spec.gateway
    mounts = [
        # The directory, so that a replaced file is seen at once.
        _bind(paths.CONFIG_DIRECTORY, str(PurePosixPath(CONFIG_FILE).parent)),
        {"type": "volume", "source": AUDIT, "target": DATA},
        *([_bind(paths.FRONTIER_KEY_FILE, FRONTIER_KEY_FILE)] if gateway.frontier else []),
    ]
    return {
        "image": reference(GATEWAY, lock.images[GATEWAY].manifest),
        **hardened(
            resources=gateway.resources,
            restart=gateway.restart,
            health=gateway.health,
            probe=GATEWAY_PROBE,
        ),
        "tmpfs": [GATEWAY_SCRATCH],
        "volumes": mounts,
        "networks": [EDGE, INSIDE],
        "ports": [_port(settings.bind, settings.port or gateway.port)],
        # Nobody is let in before every model answers.
        "depends_on": {name: {"condition": "service_healthy"} for name in after},
        "stop_grace_period": f"{GRACE_SECONDS}s",
    }


def _bind(source: str, target: str) -> dict[str, Any]:
    bind = {"create_host_path": False}  # a missing file is an error, not an empty directory
    return {"type": "bind", "source": f"./{source}", "target": target, "read_only": True, "bind": bind}


def _port(address: str, port: int) -> dict[str, Any]:
    return {"host_ip": address, "published": str(port), "target": PORT, "protocol": "tcp"}
