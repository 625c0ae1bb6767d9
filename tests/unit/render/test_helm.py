"""What the chart is told: the same as Compose, and nothing that a cluster would refuse."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft7Validator

from tests.unit.examples import ROOT, cluster_settings, settings, spec_with
from tests.unit.render.cases import Case, cases, key_hash, lock_for
from tests.unit.render.test_compose import models_with
from trivet import __version__
from trivet.errors import SpecError
from trivet.render import render
from trivet.render.helm import Values, helm_values
from trivet.render.runtime import argv

CASES = cases()
SCHEMA = json.loads((ROOT / "helm" / "trivet" / "values.schema.json").read_text())
# What values.yaml adds for the cluster's owner.
OWNERS: Values = {"service": {"type": "ClusterIP"}, "tolerations": [], "maxUnavailable": 1}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def values(changes: dict[str, Any], **place: Any) -> Values:
    spec = spec_with(changes)
    return helm_values(spec, lock_for(spec), cluster_settings(**place), stack="cluster")


def errors(document: Values) -> list[str]:
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors({**OWNERS, **document})]


def workloads(chart: Values) -> dict[str, Values]:
    """What the chart runs, by the name that Compose has for it."""
    return {"gateway": chart["gateway"], **{f"model-{name}": model for name, model in chart["models"].items()}}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_compose_and_the_chart_run_the_same(case: Case) -> None:
    services, chart = case.installation.services, workloads(case.cluster)
    references = {image.reference: image.manifest for image in case.installation.images.values()}
    assert chart.keys() == services.keys()
    for name, service in services.items():
        there = chart[name]
        assert there["image"].rpartition("@")[2] == references[service["image"]]
        assert there.get("args", []) == (argv(service["command"]) if "command" in service else [])
        assert there.get("env", {}) == service.get("environment", {})
        assert there["resources"]["cpus"] == service["cpus"]
        assert there["resources"]["memory"].lower() == service["mem_limit"] + "i"
        assert there["scratch"]["path"] == service["tmpfs"][0].partition(":")[0]
        assert f"size={there['scratch']['size'].lower().removesuffix('i')}" in service["tmpfs"][0].split(",")
        assert there.get("sharedMemory", "").lower().removesuffix("i") == service.get("shm_size", "")
        assert ("gpus" in there) == ("deploy" in service)


def test_compose_and_the_chart_ask_the_same_for_health(case: Case) -> None:
    for name, service in case.installation.services.items():
        health, check = workloads(case.cluster)[name]["health"], service["healthcheck"]
        url = urlsplit(check["test"][-1])
        assert (health["path"], health["port"]) == (url.path, url.port)
        assert health["retries"] == check["retries"]
        for key, there in (("interval", "interval"), ("timeout", "timeout"), ("start", "start_period")):
            assert health[key] == seconds(check[there])


def test_both_gateways_are_told_the_same_but_for_the_place(case: Case) -> None:
    there, here = case.cluster["gateway"]["config"], case.installation.gateway
    urls = {model["url"] for model in here["models"]}
    dotless = [{**model, "url": model["url"].replace(".", "-")} for model in here["models"]]
    assert {**there, "identity": ""} == {**here, "identity": "", "models": dotless}
    assert len({model["url"] for model in there["models"]}) == len(urls)
    assert there["identity"] == {**here["identity"], "region": there["identity"]["region"]}


def test_weights_come_by_digest_from_the_same_registry(case: Case) -> None:
    for name, model in case.cluster["models"].items():
        manifest = case.lock.models[name].manifest
        assert model["weights"]["artifact"] == f"registry.example.com/trivet/model/{name}@{manifest}"


def test_the_schema_takes_what_is_rendered(case: Case) -> None:
    assert errors(case.cluster) == []


@pytest.mark.parametrize(
    "path",
    [(), ("registry",), ("storage",), ("gateway",), ("gateway", "health"), ("models", "trivet-small"), ("service",)],
)
def test_the_schema_refuses_what_nobody_knows(path: tuple[str, ...]) -> None:
    document = {**OWNERS, **values({})}
    place = document
    for key in path:
        place = place[key]
    place["replicaz"] = 1
    assert len(errors(document)) == 1


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("gateway", "image"), "registry.example.com/trivet/image/gateway:latest"),
        (("gateway", "keys"), {"default-default": "tvt_a_key_in_the_clear"}),
        (("registry", "networks"), []),
        (("registry", "networks"), ["registry.example.com"]),
        (("models",), {}),
        (("maxUnavailable",), 2),
    ],
)
def test_the_schema_refuses_wrong_values(path: tuple[str, ...], wrong: object) -> None:
    document = {**OWNERS, **values({})}
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = wrong
    assert errors(document)


def test_the_chart_bears_the_version_of_trivet() -> None:
    text = (ROOT / "helm" / "trivet" / "Chart.yaml").read_text()
    assert f"\nversion: {__version__}\nappVersion: {__version__}\n" in text


def test_a_dot_is_no_part_of_a_service_s_name() -> None:
    models = models_with({})
    models[0]["name"] = "qwen2.5"
    chart = values({"models": models})
    assert chart["models"]["qwen2.5"]["service"] == "model-qwen2-5"
    assert chart["gateway"]["config"]["models"][0]["url"] == "http://model-qwen2-5:8080"
    models[1]["name"] = "qwen2-5"
    with pytest.raises(SpecError, match="model-qwen2-5"):
        values({"models": models})


def test_hashes_are_the_specs_own_and_else_those_of_the_settings() -> None:
    made = key_hash("made")
    assert values({}, keys={"default-default": made})["gateway"]["keys"] == {"default-default": made}
    with pytest.raises(SpecError, match=r"kubernetes\.keys: default-other"):
        values({}, keys={"default-other": made})


@pytest.mark.parametrize(
    ("arguments", "gpus"), [({}, 1), ({"tensor-parallel-size": 4}, 4), ({"pipeline-parallel-size": 2}, 2)]
)
def test_a_model_gets_as_many_gpus_as_it_is_spread_over(arguments: dict[str, int], gpus: int) -> None:
    case = CASES["gpu"]
    models = [model.model_dump(mode="json", by_alias=True, exclude_defaults=True) for model in case.stack.models]
    first = next(model for model in models if model["runtime"] == "vllm")
    first["arguments"] = arguments
    spec = case.stack.model_validate({**case.stack.model_dump(mode="json", by_alias=True), "models": models})
    chart = helm_values(spec, lock_for(spec), cluster_settings(), stack="cluster")
    assert chart["models"][first["name"]]["gpus"] == gpus


@pytest.mark.parametrize(("share", "reserved"), [(1, "2000m"), (0.25, "500m"), (0.0001, "1m")])
def test_as_much_of_a_cpu_is_set_aside_as_the_settings_say(share: float, reserved: str) -> None:
    assert values({}, cpuReserved=share)["models"]["trivet-small"]["resources"]["reservedCpus"] == reserved


def test_a_frontier_needs_its_secret_and_its_addresses() -> None:
    outside = {"url": "https://api.example:8443/v1", "model": "m", "country": "DE", "dataClasses": ["public"]}
    with pytest.raises(SpecError, match="frontierSecret"):
        values({"gateway": {"frontier": outside}})
    chart = values({"gateway": {"frontier": outside}}, frontierSecret="f", frontierNetworks=["198.51.100.7/32"])
    assert chart["gateway"]["frontier"] == {"secret": "f", "networks": ["198.51.100.7/32"], "port": 8443}


def test_another_target_has_no_values() -> None:
    spec = spec_with({})
    with pytest.raises(SpecError, match="target local"):
        helm_values(spec, lock_for(spec), settings(), stack="onprem")


def test_a_stack_for_a_cluster_is_no_installation_on_a_host() -> None:
    spec = spec_with({})
    with pytest.raises(SpecError, match="trivet chart values"):
        render(spec, lock_for(spec), cluster_settings(), stack="cluster")
