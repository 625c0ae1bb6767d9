"""What Helm makes of the chart: `tests/cases/render/NAME/chart.yaml`, which `tests/program/test_chart.py` writes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.unit.render.cases import Case, cases
from tests.unit.render.definitions import documents, faults
from trivet.render.runtime import argv
from trivet_gateway.config import GatewayConfig

Manifest = dict[str, Any]

CASES = cases()
RESTRICTED = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}  # volumes, with `name` aside


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def rendered(case: Case, kind: str = "") -> list[Manifest]:
    every = documents((case.path / "chart.yaml").read_text())
    return [each for each in every if kind in {"", each["kind"]}]


def pods(case: Case) -> dict[str, Manifest]:
    """Pod specifications by the name of what makes them."""
    workloads = rendered(case, "Deployment") + rendered(case, "StatefulSet")
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in workloads}


def host(service: str) -> str:
    return service.replace(".", "-")


def test_kubernetes_takes_every_object(case: Case) -> None:
    assert [fault for each in rendered(case) for fault in faults(each)] == []


def test_a_field_that_nobody_knows_would_be_noticed(case: Case) -> None:
    (stateful,) = rendered(case, "StatefulSet")
    stateful["spec"]["template"]["spec"]["containers"][0]["securityContext"]["readOnlyRoot"] = True
    assert len(faults(stateful)) == 1


def test_a_model_has_two_hours_to_fetch_its_weights(case: Case) -> None:
    assert {each["spec"]["progressDeadlineSeconds"] for each in rendered(case, "Deployment")} == {7200}


def test_what_runs_is_what_compose_runs(case: Case) -> None:
    services, found = case.installation.services, pods(case)
    manifests = {image.reference: image.manifest for image in case.installation.images.values()}
    assert found.keys() == {host(name) for name in services}
    for name, service in services.items():
        (container,) = found[host(name)]["containers"]
        assert container["image"].rpartition("@")[2] == manifests[service["image"]]
        words = [word.replace("$$(", "$(") for word in container.get("args", [])]
        assert words == (argv(service["command"]) if "command" in service else [])
        assert {each["name"]: each["value"] for each in container.get("env", [])} == service.get("environment", {})
        limits = container["resources"]["limits"]
        assert (limits["cpu"], limits["memory"].lower()) == (service["cpus"], service["mem_limit"] + "i")
        assert ("nvidia.com/gpu" in limits) == ("deploy" in service)
        check = service["healthcheck"]
        url = urlsplit(check["test"][-1])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[probe]["httpGet"] == {"path": url.path, "port": url.port}
            assert f"{container[probe]['periodSeconds']}s" == check["interval"]
            assert f"{container[probe]['timeoutSeconds']}s" == check["timeout"]
        assert container["livenessProbe"]["failureThreshold"] == check["retries"]
        started = container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"]
        assert started >= int(check["start_period"].removesuffix("s"))


def test_pods_may_do_as_little_as_kubernetes_knows(case: Case) -> None:
    for pod in pods(case).values():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert {key for volume in pod["volumes"] for key in volume} <= RESTRICTED | {"name"}
        for container in pod["containers"] + pod.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"limits", "requests"} <= container["resources"].keys()
            assert "@sha256:" in container["image"]


def test_every_pod_is_under_the_policy_that_denies_everything(case: Case) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in rendered(case, "NetworkPolicy")}
    denied = policies["trivet"]
    assert denied["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & denied.keys()
    for each in rendered(case, "Deployment") + rendered(case, "StatefulSet"):
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert denied["podSelector"]["matchLabels"].items() <= labels.items()
        assert policies[each["metadata"]["name"]]["podSelector"]["matchLabels"].items() <= labels.items()


def test_models_reach_the_registry_and_the_gateway_reaches_the_models(case: Case) -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in rendered(case, "NetworkPolicy")}
    frontier = case.stack.gateway.frontier
    outside = {
        name: [peer["ipBlock"]["cidr"] for rule in each.get("egress", []) for peer in rule["to"] if "ipBlock" in peer]
        for name, each in policies.items()
    }
    assert outside.pop("gateway") == (["198.51.100.0/24"] if frontier else [])
    assert outside.pop("trivet") == []
    assert set(map(tuple, outside.values())) == {("192.0.2.10/32",)}
    for name in outside:
        (rule,) = policies[name]["ingress"]
        (peer,) = rule["from"]
        assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"


def test_the_gateway_takes_its_configuration_and_finds_every_model(case: Case) -> None:
    (config,) = rendered(case, "ConfigMap")
    gateway = GatewayConfig.model_validate(json.loads(config["data"]["gateway.json"]))
    services = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in rendered(case, "Service")}
    for model in gateway.models:
        url = urlsplit(model.url)
        assert services[url.hostname or ""] == url.port


def test_weights_lie_on_a_volume_that_is_named_for_them(case: Case) -> None:
    claims = {each["metadata"]["name"] for each in rendered(case, "PersistentVolumeClaim")}
    for name, locked in case.lock.models.items():
        digest = locked.manifest.removeprefix("sha256:")[:12]
        assert f"{host(f'model-{name}')}-{digest}" in claims
    assert "audit" in claims
