"""What supervisors, Prometheus and conformance read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.unit.gateway.fake_model import Wire
from tests.unit.gateway.harness import ASK, CHAT, DIGEST, EMBED, EMBEDDINGS, KEY, OTHER_KEY, Stack, stack
from trivet_gateway.probe import main as probe


async def until_ready(here: Stack, *, ready: bool) -> Any:
    async with asyncio.timeout(10):
        while True:
            answer = await here.get("/ready", key=None)
            if answer.status == (200 if ready else 503):
                return answer.json
            await asyncio.sleep(0.05)


async def metric(here: Stack, name: str, **labels: str) -> float:
    text = (await here.get("/metrics", key=None)).body.decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    raise AssertionError(f"no {name} {labels} in\n{text}")


async def test_health_is_said_to_anybody(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.get("/health", key=None)
        assert (answer.status, answer.json) == (200, {"status": "ok"})
        assert (await here.send("POST", "/health", key=None)).status == 405


async def test_it_is_ready_when_every_model_is_up(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        state = await until_ready(here, ready=True)
        assert state["models"] == {"small": "up", "vectors": "up"}
        here.vectors.healthy = False
        state = await until_ready(here, ready=False)
        assert state["models"] == {"small": "up", "vectors": "down"}
        assert await metric(here, "trivet_gateway_upstream_up", model="vectors") == 0
        assert (await here.post(CHAT, ASK)).status == 200  # who is up goes on serving


async def test_the_probe_of_the_container_tells_ready_from_not(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        await until_ready(here, ready=True)
        assert await asyncio.to_thread(probe, [f"{here.url}/ready"]) == 0
        assert await asyncio.to_thread(probe, [f"{here.url}/nowhere"]) == 1
    assert await asyncio.to_thread(probe, [f"{here.url}/ready"]) == 1
    assert probe([]) == 2


async def test_the_models_of_a_team_are_listed(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        every = (await here.get("/v1/models")).json["data"]
        assert [model["id"] for model in every] == ["small", "vectors"]
        assert [model["kind"] for model in every] == ["chat", "embedding"]
        assert every[0]["capabilities"] == ["chat", "completions"]
        assert every[1]["dimensions"] == 3
        assert [model["id"] for model in (await here.get("/v1/models", key=OTHER_KEY)).json["data"]] == ["vectors"]
        assert (await here.get("/v1/models/small")).json == every[0]
        assert (await here.get("/v1/models/small", key=OTHER_KEY)).error["code"] == "model_not_found"


async def test_the_identity_says_what_runs_who_asks_and_how_far_the_audit_is(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        await here.post(EMBEDDINGS, EMBED, key=OTHER_KEY)
        first = (await here.get("/v1/identity")).json
        second = (await here.get("/v1/identity")).json
        rows = here.rows()
    assert first["specDigest"] == first["lockDigest"] == first["images"]["gateway"] == DIGEST
    assert (first["tier"], first["region"]) == ("onprem", "za-office")
    assert first["caller"]["team"] == "red"
    assert first["caller"]["key"] == "main"
    assert first["caller"]["models"] == ["small", "vectors"]
    assert first["caller"]["quota"] == {"requestsPerMinute": 1000, "tokensPerMinute": 1_000_000, "concurrency": 100}
    assert first["audit"] == {"rows": 1, "head": f"1:{rows[0]['hash']}", "teamRows": 0}
    assert second["audit"] == {"rows": 2, "head": f"2:{rows[1]['hash']}", "teamRows": 1}


async def test_requests_are_counted_by_team_model_and_outcome(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        await here.post(CHAT, ASK)
        await here.post(CHAT, {**ASK, "model": "no-such-model"})
        await here.post(CHAT, ASK, key=None)
        requests = "trivet_gateway_requests_total"
        assert await metric(here, requests, team="red", model="small", outcome="ok", status="200") == 1
        assert await metric(here, requests, team="red", model="", outcome="refused", status="404") == 1
        assert await metric(here, requests, team="", model="", outcome="refused", status="401") == 1
        assert await metric(here, "trivet_gateway_tokens_total", team="red", model="small", kind="prompt") == 7
        assert await metric(here, "trivet_gateway_tokens_total", team="red", model="small", kind="completion") == 4
        assert await metric(here, "trivet_gateway_request_seconds_count", model="small") == 1
        assert await metric(here, "trivet_gateway_first_byte_seconds_count", model="small") == 1
        assert await metric(here, "trivet_gateway_audit_rows") == 3
        assert await metric(here, "trivet_gateway_audit_writable") == 1
        assert b"no-such-model" not in (await here.get("/metrics")).body


async def test_what_is_in_flight_and_queued_can_be_seen(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def wait(wire: Wire) -> None:
        await release.wait()
        await here.chat.serve(wire)

    async with stack(tmp_path, model={"concurrency": 1}) as here:
        here.chat.behave = wait
        asking = [asyncio.create_task(here.post(CHAT, ASK)) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert await metric(here, "trivet_gateway_in_flight", team="red") == 3
        assert await metric(here, "trivet_gateway_queue_depth", model="small") == 2
        release.set()
        await asyncio.gather(*asking)
        assert await metric(here, "trivet_gateway_in_flight", team="red") == 0
        assert await metric(here, "trivet_gateway_queue_depth", model="small") == 0


async def test_nobody_needs_a_key_for_operations_and_none_is_recorded(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        for path in ("/health", "/ready", "/metrics"):
            assert (await here.get(path, key=None)).headers["X-Request-Id"]
            assert (await here.get(path, key=KEY, X_Request_Id="mine")).headers["X-Request-Id"] == "mine"
        assert here.rows() == []
