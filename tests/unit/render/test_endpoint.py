"""A stack behind a managed endpoint: the same commands in one container, which admits the platform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.examples import settings, spec_with
from tests.unit.render.cases import cases, lock_for
from trivet.errors import SpecError
from trivet.render.endpoint import Endpoint, endpoint, image_config
from trivet.render.node_plan import node_image
from trivet_gateway.config import GatewayConfig
from trivet_gateway.contract import Contract
from trivet_gateway.node.plan import Plan

ROOT = "/opt/ml/model"
HASH = "a" * 64
FRONTIER = {"url": "https://api.example.com/v1", "model": "m", "dataClasses": ["public"], "country": "US"}


def rendered(changes: dict[str, Any] | None = None, platform: Any = "sagemaker") -> Endpoint:
    spec = spec_with(changes or {})
    return endpoint(spec, lock_for(spec), settings(), platform=platform, root=ROOT)


@pytest.mark.parametrize("platform", ["sagemaker", "azureml"])
def test_the_gateway_takes_its_configuration_and_knows_its_platform(platform: str) -> None:
    config = GatewayConfig.model_validate_json(rendered(platform=platform).files["gateway.json"])
    contract = Contract.of(config, {})
    assert contract is not None
    assert (contract.platform, contract.caller.team.name, contract.port) == (platform, "default", 8080)


def test_the_node_takes_its_plan_and_finds_everything_in_the_model_s_directory() -> None:
    here = rendered()
    plan = Plan.read(here.files["node.json"])
    assert plan.gateway.argv[-1] == f"{ROOT}/gateway.json"
    assert here.environment == {"TRIVET_NODE_FILE": f"{ROOT}/node.json"}
    for server in plan.models:
        assert server.argv[server.argv.index("--model") + 1].removeprefix(f"{ROOT}/") in here.weights
        assert server.argv[server.argv.index("--host") + 1] == "127.0.0.1"
    assert (plan.copies, plan.user) == (None, None)
    assert not plan.audit.startswith(ROOT)


def test_only_keys_that_the_spec_pins_open_the_gateway_s_own_routes() -> None:
    team = {"name": "t", "keys": [{"name": "made"}, {"name": "pinned", "sha256": HASH}], "models": ["*"],
            "dataClasses": ["public"],
            "quota": {"requestsPerMinute": 1, "tokensPerMinute": 1, "concurrency": 1}}  # fmt: skip
    config = json.loads(rendered({"gateway": {"teams": [team]}}).files["gateway.json"])
    assert config["teams"][0]["keys"] == [{"name": "pinned", "sha256": HASH}]


def test_a_frontier_is_refused_for_there_is_no_way_out() -> None:
    with pytest.raises(SpecError, match="no way out"):
        rendered({"gateway": {"frontier": FRONTIER}})


def test_the_image_keeps_what_its_root_says_but_not_what_it_starts() -> None:
    inherited = {"Env": ["PATH=/bin", "PYTHONPATH=/old"], "Cmd": ["a"], "Entrypoint": ["b"], "WorkingDir": "/w"}
    config = image_config(node_image(cases()["gpu"].stack), inherited)
    assert config["WorkingDir"] == "/w"
    assert "Cmd" not in config
    assert config["Env"] == ["PATH=/bin", "PYTHONPATH=/srv/gateway/opt/trivet"]


def test_nothing_is_at_a_path_that_leaves_the_model_s_directory() -> None:
    for path in (*rendered().files, *rendered().weights):
        assert not Path(path).is_absolute()
        assert ".." not in Path(path).parts
