"""Managed endpoints: their routes, served as the gateway's own are, for the team that the configuration names."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway.harness import ASK, CHAT, COMPLETIONS, EMBED, KEY, STREAM, Stack, config, stack
from trivet_gateway.config import GatewayConfig
from trivet_gateway.contract import Contract

VERTEX = {
    "AIP_HEALTH_ROUTE": "/v1/endpoints/1/deployedModels/2",
    "AIP_PREDICT_ROUTE": "/v1/endpoints/1/deployedModels/2:predict",
    "AIP_HTTP_PORT": "8085",
}
PREDICT = {"sagemaker": "/invocations", "vertex": VERTEX["AIP_PREDICT_ROUTE"], "azureml": "/score"}
HEALTH = {"sagemaker": "/ping", "vertex": VERTEX["AIP_HEALTH_ROUTE"], "azureml": "/ready"}
platforms = pytest.mark.parametrize("platform", PREDICT)


def behind(platform: str, team: str = "red") -> dict[str, Any]:
    return {"endpoint": {"platform": platform, "team": team}, "environ": VERTEX}


@platforms
async def test_whoever_the_platform_let_in_is_answered_without_a_key(tmp_path: Path, platform: str) -> None:
    async with stack(tmp_path, **behind(platform)) as here:
        chat = await here.post(PREDICT[platform], ASK, key=None)
        assert (chat.status, chat.json["choices"][0]["message"]["role"]) == (200, "assistant")
        vectors = await here.post(PREDICT[platform], EMBED, key=None)
        assert (vectors.status, len(vectors.json["data"][0]["embedding"])) == (200, 3)
        streamed = await here.post(PREDICT[platform], STREAM, key=None)
        assert streamed.events[-1] == b"[DONE]"
        assert streamed.headers["content-type"].startswith("text/event-stream")
        await here.settled()
        assert [(row["team"], row["key"], row["status"]) for row in here.rows()] == [("red", platform, 200)] * 3


@platforms
async def test_it_is_healthy_when_every_model_is_up(tmp_path: Path, platform: str) -> None:
    async with stack(tmp_path, **behind(platform)) as here:
        await until(here, HEALTH[platform], 200)
        here.vectors.healthy = False
        await until(here, HEALTH[platform], 503)


async def until(here: Stack, path: str, status: int) -> None:
    async with asyncio.timeout(10):
        while True:
            if (await here.get(path, key=None)).status == status:
                return
            await asyncio.sleep(0.05)


async def test_a_platform_s_routes_are_nobody_s_where_no_platform_is(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        assert (await here.post("/invocations", ASK, key=None)).status == 401
        assert (await here.post("/invocations", ASK)).status == 404
        assert (await here.get("/ping")).status == 404


async def test_behind_an_endpoint_the_gateway_s_own_routes_still_want_a_key(tmp_path: Path) -> None:
    async with stack(tmp_path, **behind("sagemaker")) as here:
        assert (await here.post(CHAT, ASK, key=None)).status == 401
        assert (await here.post(CHAT, ASK, key=KEY)).status == 200
        assert (await here.get("/invocations", key=None)).status == 405


async def test_the_team_s_quota_and_policy_hold(tmp_path: Path) -> None:
    quota = {"requestsPerMinute": 1}
    async with stack(tmp_path, quota=quota, **behind("sagemaker")) as here:
        assert (await here.post("/invocations", ASK, key=None)).status == 200
        assert (await here.post("/invocations", ASK, key=None)).status == 429
    async with stack(tmp_path, **behind("sagemaker", team="blue")) as here:
        assert (await here.post("/invocations", ASK, key=None)).status == 404


@pytest.mark.parametrize(
    ("attributes", "status", "data_class"),
    [
        ("trivet-data-class=public", 200, "public"),
        ("trace=7, trivet-data-class=public", 200, "public"),
        ("trivet-data-class=special", 403, None),
        ("trace=7", 200, "internal"),
    ],
)
async def test_a_data_class_comes_in_the_one_header_that_sagemaker_passes_on(
    tmp_path: Path, attributes: str, status: int, data_class: str | None
) -> None:
    async with stack(tmp_path, **behind("sagemaker")) as here:
        headers = {"X-Amzn-SageMaker-Custom-Attributes": attributes}
        assert (await here.post("/invocations", ASK, key=None, **headers)).status == status
        await here.settled()
        assert here.rows()[0]["data_class"] == data_class


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not valid JSON"),
        ({"model": "small"}, "exactly one of: messages, prompt, input"),
        ({**ASK, **EMBED}, "exactly one of"),
        ([], "exactly one of"),
        ({"instances": [ASK]}, "rawPredict"),
    ],
)
async def test_a_body_that_does_not_say_what_it_asks_for_is_refused(tmp_path: Path, body: Any, words: str) -> None:
    async with stack(tmp_path, **behind("vertex")) as here:
        answer = await here.post(PREDICT["vertex"], body, key=None)
        assert answer.status == 400
        assert words in answer.error["message"]


async def test_a_route_that_the_stack_does_not_serve_is_refused(tmp_path: Path) -> None:
    async with stack(tmp_path, routes=[COMPLETIONS], **behind("azureml")) as here:
        answer = await here.post("/score", ASK, key=None)
        assert (answer.status, "exactly one of: prompt" in answer.error["message"]) == (400, True)


def told(**changes: Any) -> GatewayConfig:
    value = config("http://127.0.0.1:1", "http://127.0.0.1:2", Path("audit"), **changes)
    return GatewayConfig.model_validate_json(json.dumps(value))


def test_vertex_says_where_to_listen_and_must_say_all_of_it() -> None:
    config = told(endpoint={"platform": "vertex", "team": "red"})
    contract = Contract.of(config, VERTEX)
    assert contract is not None
    assert contract.port == 8085
    with pytest.raises(ValueError, match="not set here: AIP_HTTP_PORT"):
        Contract.of(config, {**VERTEX, "AIP_HTTP_PORT": ""})


def test_the_team_of_an_endpoint_is_one_of_the_configuration_s() -> None:
    with pytest.raises(ValueError, match="endpoint names a team that the configuration does not list: green"):
        told(endpoint={"platform": "sagemaker", "team": "green"})
