"""The file by which a node is drained: seen without a restart, taken back by removing it, cheap to ask for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.gateway.fake_model import Wire
from tests.unit.gateway.harness import ASK, CHAT, STREAM, stack, until
from tests.unit.gateway.test_operations import metric, until_ready
from trivet_gateway.drain import FILE, LOOK_SECONDS, Drain


async def test_while_the_file_is_there_what_is_new_is_refused_and_what_is_in_flight_ends(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def hold(wire: Wire) -> None:
        await release.wait()
        await here.chat.serve(wire)

    async with stack(tmp_path, source=tmp_path / "gateway.json") as here:
        here.chat.behave = hold
        begun = [asyncio.create_task(here.post(CHAT, body)) for body in (ASK, STREAM)]
        await until(lambda: len(here.chat.seen) == 2)
        assert await metric(here, "trivet_gateway_draining") == 0

        (tmp_path / "draining").touch()
        state = await until_ready(here, ready=False)
        assert (state["draining"], state["models"]) == (True, {"small": "up", "vectors": "up"})
        refused = await here.post(CHAT, ASK)
        assert (refused.status, refused.error["code"], refused.headers["Retry-After"]) == (503, "draining", "5")
        assert (await here.get("/health", key=None)).status == 200
        assert await metric(here, "trivet_gateway_draining") == 1

        release.set()
        assert [(await answer).status for answer in begun] == [200, 200]

        (tmp_path / "draining").unlink()
        state = await until_ready(here, ready=True)
        assert state["draining"] is False
        assert (await here.post(CHAT, ASK)).status == 200
        await here.settled()
        assert sorted(row["outcome"] for row in here.rows()) == ["ok", "ok", "ok", "unavailable"]


async def test_what_it_refuses_is_no_traffic_that_keeps_a_node_alive(tmp_path: Path) -> None:
    (tmp_path / "draining").touch()
    async with stack(tmp_path, source=tmp_path / "gateway.json") as here:
        assert (await here.post(CHAT, ASK)).status == 503
        await here.settled()
        assert await metric(here, "trivet_gateway_requests_total", team="", outcome="unavailable") == 1


def test_without_a_file_to_look_for_only_its_own_end_drains() -> None:
    drain = Drain(None)
    assert not drain.is_on
    drain.stopping = True
    assert drain.is_on


def test_its_own_end_is_not_taken_back_by_a_file_that_goes(tmp_path: Path) -> None:
    now = 0.0
    drain = Drain(tmp_path / "gateway.json", lambda: now)
    drain.stopping = True
    now = 10.0
    assert drain.is_on


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["touch", "unlink", "ask"])), max_size=40))
def test_what_it_says_was_true_within_the_last_quarter_of_a_second(steps: list[tuple[float, str]]) -> None:
    now = 0.0
    was = [(0.0, False)]  # since when the file is there, or not
    with TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        drain = Drain(file.with_name("gateway.json"), lambda: now)
        for pause, step in steps:
            now += pause
            if step == "touch":
                file.touch()
            elif step == "unlink":
                file.unlink(missing_ok=True)
            else:
                recent = {there for since, there in was if since > now - LOOK_SECONDS}
                recent.add(next(there for since, there in reversed(was) if since <= now - LOOK_SECONDS or since == 0.0))
                assert drain.is_on in recent
            was.append((now, file.exists()))


def test_it_looks_at_the_file_four_times_a_second_however_often_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looks = 0.0, 0
    drain = Drain(tmp_path / "gateway.json", lambda: now)

    def look(_: Path) -> bool:
        nonlocal looks
        looks += 1
        return False

    monkeypatch.setattr(Path, "exists", look)
    for request in range(10_000):
        now = request / 1000
        assert not drain.is_on
    assert looks == 10 / LOOK_SECONDS
