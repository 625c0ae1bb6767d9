"""What is seen of a host, what of it is drift, and which containers must go before Compose can repair it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.engine_host import Answer, EngineHost, container
from tests.unit.drivers.installations import STACK, installation, site
from trivet.drivers.bundle import Site, desired, observe
from trivet.drivers.bundle.observation import config_text, running_config
from trivet.drivers.bundle.observe import ours
from trivet.drivers.bundle.repair import in_the_way
from trivet.drivers.engine.containers import CONFIG_HASH
from trivet.render import Installation, paths
from trivet.render.compose import DEFINITION

SERVICE = "model-trivet-tiny"


def healthy(each: Installation, service: str, **changes: Any) -> dict[str, Any]:
    """A container as Compose starts it for the service."""
    definition = each.services[service]
    image = next(image for image in each.images.values() if image.reference == definition["image"])
    labels = {**definition["labels"], CONFIG_HASH: "h", **changes.pop("labels", {})}
    labels = {key: value for key, value in labels.items() if value is not None}
    return container(f"trivet-{STACK}-{service}-1", **{"image": image.config, "labels": labels, **changes})


def engine_with(raw: list[dict[str, Any]]) -> EngineHost:
    return EngineHost(answers={("docker", "container", "inspect"): Answer(json.dumps(raw))})


def stack_with(root: Path, **changes: Any) -> Site:
    """A whole healthy stack, but for one service."""
    each = installation(root)
    raw = [healthy(each, service) for service in each.services if service != SERVICE]
    return site(root, engine_with([*raw, healthy(each, SERVICE, **changes)]))


def obstacles(where: Site) -> list[str]:
    return [found.name for found in in_the_way(ours(where), where.installation)]


def test_a_healthy_stack_is_as_it_is_desired(tmp_path: Path) -> None:
    where = stack_with(tmp_path)
    keys = {name: where.keys.ensure(name) for name in where.installation.keys}
    where.host.write(where.path(paths.CONFIG_FILE), config_text(where.installation.gateway, keys))
    assert observe(where) == desired(where.installation, keys)
    assert obstacles(where) == []


def test_where_nothing_is_there_is_nothing_to_see(tmp_path: Path) -> None:
    assert observe(site(tmp_path, EngineHost())) is None


@pytest.mark.parametrize("kind", ["file", "key", "network", "volume"])
def test_whatever_is_left_is_something(tmp_path: Path, kind: str) -> None:
    where = site(tmp_path, EngineHost(answers={("docker", kind, "ls"): Answer("something\n")}))
    if kind == "file":
        where.host.write(where.path(paths.COMPOSE_FILE), b"")
    if kind == "key":
        where.keys.ensure("default-default")
    observed = observe(where)
    assert observed is not None
    assert (observed.containers, observed.config) == ({}, "absent")


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"state": "exited"}, "state", "exited"),
        ({"health": "unhealthy"}, "health", "unhealthy"),
        ({"image": "sha256:" + "f" * 64}, "image", "sha256:" + "f" * 64),
        ({"labels": {DEFINITION: "sha256:other"}}, "definition", "sha256:other"),
        ({"labels": {DEFINITION: None}}, "definition", "absent"),
    ],
)
def test_drift_is_seen(tmp_path: Path, changes: dict[str, Any], field: str, value: str) -> None:
    where = stack_with(tmp_path, **changes)
    observed = observe(where)
    assert observed is not None
    want = desired(where.installation, where.installation.keys).containers
    drifted = {name: seen for name, seen in observed.containers.items() if seen != want[name]}
    assert list(drifted) == [SERVICE]
    assert getattr(drifted[SERVICE], field) == value


def test_a_container_that_is_no_services_is_seen_by_its_name(tmp_path: Path) -> None:
    each = installation(tmp_path)
    where = site(tmp_path, engine_with([healthy(each, SERVICE), container(f"trivet-{STACK}-old-1")]))
    assert set(ours(where)) == {SERVICE, f"trivet-{STACK}-old-1"}
    assert obstacles(where) == [f"trivet-{STACK}-old-1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "sha256:" + "f" * 64},
        {"health": "unhealthy"},
        {"state": "paused"},
        {"state": "restarting"},
        {"labels": {CONFIG_HASH: None}},
    ],
)
def test_what_compose_would_take_for_right_is_in_the_way(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert obstacles(stack_with(tmp_path, **changes)) == [f"trivet-{STACK}-{SERVICE}-1"]


@pytest.mark.parametrize("changes", [{"state": "exited"}, {"labels": {DEFINITION: "sha256:old"}}])
def test_what_compose_repairs_in_good_order_is_left_to_it(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert obstacles(stack_with(tmp_path, **changes)) == []


def test_a_gateway_with_another_identity_runs_the_same_configuration(tmp_path: Path) -> None:
    gateway = installation(tmp_path).gateway
    other = {**gateway, "identity": {**gateway["identity"], "region": "elsewhere"}}
    assert running_config(gateway, b"") == running_config(other, b"")
    assert running_config(gateway, b"") != running_config({**gateway, "routes": []}, b"")
    assert running_config(gateway, b"") != running_config(gateway, b"key")


def test_a_key_that_does_not_exist_yet_is_desired_as_new(tmp_path: Path) -> None:
    each = installation(tmp_path)
    wish = desired(each, dict.fromkeys(each.keys))
    assert (wish.config, set(wish.keys.values())) == ("new", {"new"})
