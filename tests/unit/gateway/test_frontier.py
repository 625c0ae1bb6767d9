"""The frontier is asked on the causes that are listed, for the data that may leave, within its share; else never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway.fake_model import OVERFLOW, Behaviour, Wire, completion, silent
from tests.unit.gateway.harness import ASK, CHAT, COMPLETIONS, EMBED, EMBEDDINGS, STREAM, Answer, Stack, stack

PUBLIC = {"X_Trivet_Data_Class": "public"}
JSON_ASK = {**ASK, "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}}
BOTH = {"on": ["context_overflow", "failed_verifier"]}


async def overflow(wire: Wire) -> None:
    await wire.answer(OVERFLOW, 400)


def saying(text: str) -> Behaviour:
    async def say(wire: Wire) -> None:
        await wire.answer(completion(text, wire.body["model"]))

    return say


@asynccontextmanager
async def earned(folder: Path, requests: int = 20, **frontier: Any) -> AsyncIterator[Stack]:
    """A stack whose requests so far have earned an escalation for every twenty of them."""
    async with stack(folder, frontier=frontier) as here:
        await asyncio.gather(*(here.post(CHAT, ASK, **PUBLIC) for _ in range(requests)))
        here.chat.seen.clear()
        yield here


def served_by(answer: Answer) -> str:
    return answer.headers["X-Trivet-Served-By"]


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["plain", "stream"])
async def test_a_prompt_over_the_context_goes_to_the_frontier(tmp_path: Path, body: dict[str, Any]) -> None:
    async with earned(tmp_path) as here:
        here.chat.behave = overflow
        answer = await here.post(CHAT, body, **PUBLIC)
        assert (answer.status, served_by(answer)) == (200, "frontier")
        sent = here.frontier.seen[0]
        assert (sent.path, sent.body["model"]) == (CHAT, "large")
        assert sent.headers["authorization"] == "Bearer sk-frontier"
        row = here.rows()[-1]
        assert (row["model"], row["served_by"], row["outcome"]) == ("small", "frontier", "ok")
        assert row["charged_tokens"] == 11


async def test_an_answer_that_should_be_json_and_is_not_goes_to_the_frontier_where_that_is_listed(
    tmp_path: Path,
) -> None:
    async with earned(tmp_path, **BOTH) as here:
        here.chat.behave = saying('{"n": ')
        here.frontier.behave = saying('{"n": 1}')
        answer = await here.post(CHAT, JSON_ASK, **PUBLIC)
        assert served_by(answer) == "frontier"
        assert answer.json["choices"][0]["message"]["content"] == '{"n": 1}'
        assert here.rows()[-1]["charged_tokens"] == 22  # both models worked for it


@pytest.mark.parametrize(
    ("body", "text"),
    [(JSON_ASK, '{"n": 1}'), (ASK, '{"n": '), ({**ASK, "response_format": {"type": "text"}}, "no json")],
)
async def test_an_answer_that_passes_its_verifier_stays(tmp_path: Path, body: dict[str, Any], text: str) -> None:
    async with earned(tmp_path, **BOTH) as here:
        here.chat.behave = saying(text)
        assert served_by(await here.post(CHAT, body, **PUBLIC)) == "local"
        assert here.frontier.seen == []


async def test_a_cause_that_is_not_listed_is_none(tmp_path: Path) -> None:
    async with earned(tmp_path, on=["context_overflow"]) as here:
        here.chat.behave = saying("no json")
        answer = await here.post(CHAT, JSON_ASK, **PUBLIC)
        assert (answer.status, served_by(answer)) == (200, "local")
    async with earned(tmp_path, on=["failed_verifier"]) as here:
        here.chat.behave = overflow
        assert (await here.post(CHAT, ASK, **PUBLIC)).error["code"] == "context_length_exceeded"
        assert here.frontier.seen == []


async def test_data_that_may_not_leave_stays(tmp_path: Path) -> None:
    async with earned(tmp_path, **BOTH) as here:
        here.chat.behave = overflow
        for headers in ({}, {"X_Trivet_Data_Class": "internal"}):
            answer = await here.post(CHAT, ASK, **headers)
            assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
            assert served_by(answer) == "local"
        here.chat.behave = saying("no json")
        assert served_by(await here.post(CHAT, JSON_ASK)) == "local"
        assert here.frontier.seen == []


async def test_the_share_is_a_cap(tmp_path: Path) -> None:
    async with stack(tmp_path, frontier={}) as here:
        here.chat.behave = overflow
        answers = [await here.post(CHAT, ASK, **PUBLIC) for _ in range(100)]
        outside = [answer.status for answer in answers].count(200)
        assert outside == len(here.frontier.seen) == 5
        assert [answer.status for answer in answers[:19]] == [400] * 19
        assert b"trivet_gateway_frontier_requests 5.0" in (await here.get("/metrics")).body
        assert b"trivet_gateway_frontier_share 0.05" in (await here.get("/metrics")).body


async def failing(wire: Wire) -> None:
    await wire.answer({"error": {"message": "broken"}}, 500)


async def busy(wire: Wire) -> None:
    await wire.answer({"error": {"message": "Loading model"}}, 503)


async def refusing(wire: Wire) -> None:
    await wire.answer({"error": {"message": "bad grammar"}}, 400)


@pytest.mark.parametrize("behave", [failing, busy, silent, refusing])
async def test_a_model_that_fails_is_never_a_cause(tmp_path: Path, behave: Behaviour) -> None:
    limits = {"totalSeconds": 0.2, "firstByteSeconds": 0.2}
    async with stack(tmp_path, frontier=BOTH, limits=limits) as here:
        await asyncio.gather(*(here.post(CHAT, ASK, **PUBLIC) for _ in range(40)))
        here.chat.behave = behave
        for body in (ASK, STREAM, JSON_ASK):
            answer = await here.post(CHAT, body, **PUBLIC)
            assert answer.status in {400, 502, 503, 504}
            assert served_by(answer) == "local"
        assert here.frontier.seen == []


async def test_a_model_that_is_down_is_never_a_cause(tmp_path: Path) -> None:
    async with stack(tmp_path, frontier=BOTH, model={"url": "http://127.0.0.1:9"}) as here:
        answers = await asyncio.gather(*(here.post(CHAT, body, **PUBLIC) for body in [ASK, STREAM, JSON_ASK] * 10))
        for answer in answers:
            assert (answer.status, answer.error["code"]) == (503, "upstream_unavailable")
        assert here.frontier.seen == []


async def test_a_model_that_is_busy_is_never_a_cause(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def wait(wire: Wire) -> None:
        await release.wait()
        await here.chat.serve(wire)

    async with stack(tmp_path, frontier=BOTH, model={"concurrency": 1}, limits={"queue": 0}) as here:
        here.chat.behave = wait
        first = asyncio.create_task(here.post(CHAT, ASK, **PUBLIC))
        await asyncio.sleep(0.05)
        answers = [await here.post(CHAT, ASK, **PUBLIC) for _ in range(40)]
        assert {answer.status for answer in answers} == {429}
        release.set()
        await first
        assert here.frontier.seen == []


async def test_only_chats_go_outside(tmp_path: Path) -> None:
    async with earned(tmp_path, requests=60) as here:
        here.chat.behave = here.vectors.behave = overflow
        for path, body in ((COMPLETIONS, {"model": "small", "prompt": "x"}), (EMBEDDINGS, EMBED)):
            answer = await here.post(path, body, **PUBLIC)
            assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
        assert here.frontier.seen == []


@pytest.mark.parametrize("behave", [failing, overflow, refusing])
async def test_a_frontier_that_fails_leaves_what_the_local_model_gave(tmp_path: Path, behave: Behaviour) -> None:
    async with earned(tmp_path, requests=60, **BOTH) as here:
        here.frontier.behave = behave
        here.chat.behave = overflow
        answer = await here.post(CHAT, ASK, **PUBLIC)
        assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
        assert served_by(answer) == "local"
        here.chat.behave = saying("no json")
        answer = await here.post(CHAT, JSON_ASK, **PUBLIC)
        assert (answer.status, served_by(answer)) == (200, "local")
        assert answer.json["choices"][0]["message"]["content"] == "no json"
        assert len(here.frontier.seen) == 2
        assert here.used()[2] == 0


async def test_without_a_frontier_nothing_leaves(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        here.chat.behave = overflow
        answers = [await here.post(CHAT, ASK, **PUBLIC) for _ in range(40)]
        assert {answer.status for answer in answers} == {400}
        assert here.frontier.seen == []
