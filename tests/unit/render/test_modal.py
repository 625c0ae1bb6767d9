"""A stack as a Modal app: the same images by digest, the same commands, one container, a GPU with the memory."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.examples import ROOT, modal_settings, settings, spec_with
from tests.unit.render.cases import Case, cases, lock_for
from trivet.errors import SpecError
from trivet.render.deployed import RUNTIMES
from trivet.render.modal import ModalApp, modal_app
from trivet.spec.digest import canonical_json
from trivet_gateway.node.plan import Plan

CASES = cases()
GPU_MODEL = CASES["gpu"].spec["models"][0]


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def rendered(changes: dict[str, Any] | None = None, **modal: Any) -> ModalApp:
    spec = spec_with(changes or {})
    return modal_app(spec, lock_for(spec), modal_settings(**modal), stack="gpuaas")


def on_gpu(mebibytes: int, **modal: Any) -> ModalApp:
    runtimes = {"vllm": {"image": "vllm"}}
    team = {"name": "t", "keys": [{"name": "k"}], "dataClasses": ["public"],
            "quota": {"requestsPerMinute": 1, "tokensPerMinute": 1, "concurrency": 1}}  # fmt: skip
    models = [{**GPU_MODEL, "gpuMemoryMiB": mebibytes}]
    return rendered({"models": models, "runtimes": runtimes, "gateway": {"teams": [team]}}, **modal)


def test_every_image_of_the_spec_is_there_by_the_lock_s_digest(case: Case) -> None:
    text = "\n".join(case.modal.dockerfile)
    for image in case.stack.images:
        assert f"registry.example.com/trivet/image/{image}@{case.lock.images[image].manifest}" in text
    assert text.count("FROM ") == len(case.stack.images)


def test_nothing_is_run_while_the_image_is_built(case: Case) -> None:
    assert not [line for line in case.modal.dockerfile if line.startswith("RUN")]


def test_servers_get_the_same_arguments_as_on_a_host(case: Case) -> None:
    for server in case.modal.node["models"]:
        service = case.installation.services[f"model-{server['name']}"]
        for flag, value in service["command"].items():
            if flag in {"--host", "--port", "--model"} or not flag.startswith("--"):
                continue
            assert flag in server["argv"]
            assert value is True or server["argv"][server["argv"].index(flag) + 1] == value
        assert server["environment"] == service.get("environment", {})


def test_servers_listen_on_loopback_each_on_a_port_of_its_own_where_the_gateway_looks(case: Case) -> None:
    app = case.modal
    urls = {model["name"]: model["url"] for model in app.gateway["models"]}
    assert len(set(urls.values())) == len(urls)
    for server in app.node["models"]:
        words = server["argv"]
        assert words[words.index("--host") + 1] == "127.0.0.1"
        assert urls[server["name"]] == f"http://127.0.0.1:{words[words.index('--port') + 1]}"
        assert server["health"] == f"{urls[server['name']]}/health"


def test_weights_are_read_from_the_volume_by_their_digest(case: Case) -> None:
    for server in case.modal.node["models"]:
        manifest = case.lock.models[server["name"]].manifest.removeprefix("sha256:")
        assert [word for word in server["argv"] if word.startswith(f"/weights/models/{manifest}")]


def test_the_node_takes_its_plan(case: Case) -> None:
    plan = Plan.read(canonical_json(case.modal.node).decode())
    assert [server.name for server in plan.models] == [model.name for model in case.stack.models]


def test_an_entrypoint_is_the_one_of_the_containerfile() -> None:
    for name, runtime in RUNTIMES.items():
        words = ", ".join(f'"{word}"' for word in runtime.traits.entrypoint)
        assert f"ENTRYPOINT [{words}]" in (ROOT / "services" / name / "Containerfile").read_text()


def test_the_runtime_with_the_gpu_is_the_root_and_the_rest_lies_below_srv() -> None:
    app = CASES["gpu"].modal
    vllm, llama = app.node["models"]
    assert vllm["argv"][:2] == ["vllm", "serve"]
    assert llama["argv"][0] == "/srv/llama/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    assert "ENV PYTHONPATH=/srv/gateway/opt/trivet" in app.dockerfile
    assert app.node["gateway"]["environment"]["PYTHONPATH"].startswith("/srv/gateway/")


def test_without_a_gpu_the_gateway_is_the_root() -> None:
    app = rendered()
    assert app.gpu is None
    assert [line for line in app.dockerfile if line.startswith("FROM ")][-1].startswith(
        "FROM registry.example.com/trivet/image/gateway@"
    )


@pytest.mark.parametrize(
    ("mebibytes", "gpu"), [(6000, "L4"), (24 * 1024, "L4"), (24 * 1024 + 1, "A100-40GB"), (100_000, "H200")]
)
def test_the_smallest_gpu_that_holds_the_models_is_taken(mebibytes: int, gpu: str) -> None:
    assert on_gpu(mebibytes).gpu == gpu


@pytest.mark.parametrize("gpu", ["T4", "H100", "H100:2", "B200:8"])
def test_a_gpu_that_the_settings_name_is_taken(gpu: str) -> None:
    assert on_gpu(9000, gpu=gpu).gpu == gpu


@pytest.mark.parametrize(
    ("mebibytes", "gpu", "rule"),
    [(20_000, "T4", "20000 MiB"), (9000, "V100", "Modal's GPUs are"), (300_000, None, "at most 192 GiB")],
)
def test_a_gpu_that_cannot_be_is_refused(mebibytes: int, gpu: str | None, rule: str) -> None:
    with pytest.raises(SpecError, match=rule):
        on_gpu(mebibytes, gpu=gpu)


def test_a_gpu_for_nobody_is_refused() -> None:
    with pytest.raises(SpecError, match="no model of this stack uses a GPU"):
        rendered(gpu="L4")


def test_nothing_stays_up_for_nobody_unless_that_is_asked_for() -> None:
    assert rendered().autoscaler.min_containers == rendered().autoscaler.buffer_containers == 0
    kept = rendered(minContainers=1, allowIdleBilling=True)
    assert kept.autoscaler.min_containers == 1


def test_regions_are_the_settings_own() -> None:
    app = rendered()
    assert (app.region, app.routing_region) == ("eu-west", "eu-west")
    assert rendered(routingRegion=None).routing_region is None


def test_a_request_may_take_as_long_as_the_gateway_allows() -> None:
    assert rendered({"gateway": {"limits": {"totalSeconds": 900}}}).timeout_seconds > 900


def test_settings_of_another_place_are_refused() -> None:
    spec = spec_with({})
    with pytest.raises(SpecError, match="target: modal"):
        modal_app(spec, lock_for(spec), settings(), stack="gpuaas")
