"""The values of `helm/trivet`: the same command lines, probes and bounds as Compose is told, for a cluster."""

from __future__ import annotations

import math
from typing import Any, Final
from urllib.parse import urlsplit

from trivet.errors import SpecError
from trivet.render.compose import GATEWAY, GATEWAY_PROBE, GATEWAY_SCRATCH, GRACE_SECONDS, SHARED_MEMORY
from trivet.render.deployed import RUNTIMES, deployed, service_name
from trivet.render.gateway import PORT, gateway_config
from trivet.render.installation import key_name, project_name, require_distinct_keys
from trivet.render.runtime import Deployed, argv, positive
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.kubernetes import KubernetesSettings
from trivet.spec.service import Health, Resources

GIB: Final = 1 << 30
MARGIN: Final = 1.1  # of a volume over the files in it: file systems keep some for themselves
FRONTIER_PORT: Final = 443
TENSOR, PIPELINE = "tensor-parallel-size", "pipeline-parallel-size"  # vLLM's: GPUs are their product

Values = dict[str, Any]


def helm_values(spec: StackSpec, lock: Lock, settings: Settings, *, stack: str) -> Values:
    """What the chart is told of `stack`. Nothing of it is secret: keys are in it as hashes alone.

    Raises:
        SpecError: the stack is none for a cluster, or a cluster has no place for it.
    """
    place = settings.kubernetes
    if place is None:
        raise SpecError(
            where=f"stack {stack}",
            value=f"target {settings.target}",
            rule="the chart is for stacks with target kubernetes",
            remedy="set target: kubernetes and kubernetes: {registry: …, registryNetworks: […]}",
        )
    require_services(spec)
    gateway = gateway_config(spec, lock, settings)
    require_distinct_keys(gateway)
    for model in gateway["models"]:
        url = urlsplit(model["url"])
        model["url"] = f"{url.scheme}://{host_name(model['name'])}:{url.port}"
    return {
        "stack": project_name(stack),
        "registry": {
            "networks": list(place.registry_networks),
            "port": place.registry_port,
            **({"ca": place.registry_ca} if place.registry_ca else {}),
            **({"pullSecret": place.pull_secret} if place.pull_secret else {}),
        },
        "clients": list(place.clients),
        "storage": {
            "volumes": place.volumes,
            "retain": settings.retain,
            **({"storageClass": place.storage_class} if place.storage_class else {}),
        },
        "nodeSelector": dict(place.node_labels),
        **({"runtimeClass": place.runtime_class} if place.runtime_class else {}),
        "models": {each.model.name: _model(each, spec, lock, place) for each in deployed(spec, lock)},
        "gateway": {
            "image": _image(place, GATEWAY, lock),
            "port": settings.port or spec.gateway.port,
            "containerPort": PORT,
            "graceSeconds": GRACE_SECONDS,
            "health": _health(spec.gateway.health, GATEWAY_PROBE),
            "resources": _resources(spec.gateway.resources, place),
            "scratch": _scratch(GATEWAY_SCRATCH),
            "audit": f"{place.audit_gib}Gi",
            "config": gateway,
            "keys": _keys(gateway, place),
            **_frontier(spec, place),
        },
    }


def host_name(model: str) -> str:
    """The Service of a model: as Compose names it, less the dots, which no Service's name may have."""
    return service_name(model).replace(".", "-")


def require_services(spec: StackSpec) -> None:
    """Refuse models whose Services would have one name.

    Raises:
        SpecError: two would.
    """
    names = [host_name(model.name) for model in spec.models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SpecError(
            where="models",
            value=f"two models would be the Service {twice[0]}",
            rule="in a cluster, a dot in a model's name is written as -",
            remedy="rename one of them",
        )


def _model(each: Deployed, spec: StackSpec, lock: Lock, place: KubernetesSettings) -> Values:
    model, runtime = each.model, RUNTIMES[each.model.runtime]
    traits = runtime.traits
    manifest = lock.models[model.name].manifest
    size = sum(file.size for file in each.files)
    return {
        "service": host_name(model.name),
        "image": _image(place, spec.runtimes[model.runtime].image, lock),
        "args": argv(runtime.command(each)),
        "env": dict(traits.environment),
        "port": traits.port,
        "health": _health(spec.health(model), traits.probe),
        "resources": _resources(each.resources, place),
        "scratch": _scratch(traits.scratch),
        **({"gpus": _gpus(each), "sharedMemory": _quantity(SHARED_MEMORY)} if traits.gpu else {}),
        "weights": {
            "artifact": f"{place.registry}/model/{model.name}@{manifest}",
            "size": f"{math.ceil(size * MARGIN / GIB)}Gi",
        },
    }


def _image(place: KubernetesSettings, image: str, lock: Lock) -> str:
    return f"{place.registry}/image/{image}@{lock.images[image].manifest}"


def _health(health: Health, probe: tuple[str, ...]) -> Values:
    """The same question as Compose asks in the container, asked by the kubelet."""
    url = urlsplit(probe[-1])
    return {"path": url.path, "port": url.port, **health.model_dump(mode="json")}


def _resources(resources: Resources, place: KubernetesSettings) -> Values:
    reserved = math.ceil(resources.cpus * place.cpu_reserved * 1000)
    return {"cpus": f"{resources.cpus:g}", "memory": resources.memory, "reservedCpus": f"{reserved}m"}


def _scratch(mount: str) -> Values:
    """Compose's tmpfs: its place and the most that it holds."""
    path, _, options = mount.partition(":")
    size = next(option.removeprefix("size=") for option in options.split(",") if option.startswith("size="))
    return {"path": path, "size": _quantity(size)}


def _quantity(size: str) -> str:
    """Docker's 64m is Kubernetes' 64Mi: its own m is a thousandth."""
    return f"{size[:-1]}{size[-1].upper()}i"


def _gpus(each: Deployed) -> int:
    """One GPU is given to one container, so that it needs a number; Compose lets all models see all of them."""
    return positive(each, TENSOR, 1) * positive(each, PIPELINE, 1)


def _keys(gateway: Values, place: KubernetesSettings) -> dict[str, str]:
    """Hashes by `team-key`: the spec's own, else those of the settings; what lacks one, the chart refuses.

    Raises:
        SpecError: the settings name a key that the spec has not, or has a hash of.
    """
    own = {
        key_name(team["name"], key["name"]): key.get("sha256", "") for team in gateway["teams"] for key in team["keys"]
    }
    wanted = ", ".join(name for name, given in own.items() if not given) or "none"
    for name in place.keys:
        if own.get(name) != "":
            raise SpecError(
                where="kubernetes.keys",
                value=name,
                rule=f"it has hashes of keys that the spec has none of: {wanted}",
                remedy="name it TEAM-KEY, or remove it",
            )
    return {name: given or place.keys[name] for name, given in own.items() if given or name in place.keys}


def _frontier(spec: StackSpec, place: KubernetesSettings) -> Values:
    frontier = spec.gateway.frontier
    if frontier is None:
        return {}
    if not place.frontier_secret or not place.frontier_networks:
        raise SpecError(
            where="kubernetes",
            value="no frontierSecret, or no frontierNetworks",
            rule="a gateway with a frontier has its key in a Secret, and a way out to its addresses alone",
            remedy="set both, or remove gateway.frontier",
        )
    return {
        "frontier": {
            "secret": place.frontier_secret,
            "networks": list(place.frontier_networks),
            "port": urlsplit(frontier.url).port or FRONTIER_PORT,
        }
    }
