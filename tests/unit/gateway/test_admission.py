"""Quotas and queues on the wire: exactly what they admit, and that nothing stays behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway.fake_model import Wire
from tests.unit.gateway.harness import ASK, CHAT, EMBED, EMBEDDINGS, OTHER_KEY, STREAM, Answer, Stack, stack, until

KINDS: list[tuple[str, dict[str, Any]]] = [(CHAT, ASK), (CHAT, STREAM), (EMBEDDINGS, EMBED)]


async def burst(here: Stack, path: str, body: dict[str, Any], count: int = 50) -> tuple[Counter[int], list[Answer]]:
    answers = await asyncio.gather(*(here.post(path, body) for _ in range(count)))
    return Counter(answer.status for answer in answers), answers


@pytest.mark.parametrize(("path", "body"), KINDS, ids=["chat", "stream", "embeddings"])
async def test_of_fifty_at_once_a_budget_of_ten_admits_exactly_ten(
    tmp_path: Path, path: str, body: dict[str, Any]
) -> None:
    async with stack(tmp_path, quota={"requestsPerMinute": 10}) as here:
        statuses, answers = await burst(here, path, body)
        assert statuses == {200: 10, 429: 40}
        assert len(here.chat.seen) + len(here.vectors.seen) == 10
        assert here.used()[::2] == (10, 0)
        rows = here.rows()
    assert Counter(row["outcome"] for row in rows) == {"ok": 10, "refused": 40}
    for answer in answers:
        if answer.status == 429:
            assert answer.error["code"] == "rate_limit_exceeded"
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
        else:
            assert answer.headers["x-ratelimit-limit-requests"] == "10"
    left = sorted(int(a.headers["x-ratelimit-remaining-requests"]) for a in answers if a.status == 200)
    assert left == list(range(10))


async def test_the_budget_is_one_over_all_kinds(tmp_path: Path) -> None:
    async with stack(tmp_path, quota={"requestsPerMinute": 10}) as here:
        statuses = await asyncio.gather(*(here.post(*KINDS[number % 3]) for number in range(50)))
        assert Counter(answer.status for answer in statuses) == {200: 10, 429: 40}


async def test_a_budget_of_tokens_admits_what_fits_before_anything_is_spent(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def wait(wire: Wire) -> None:
        await release.wait()
        await here.chat.serve(wire)

    async with stack(tmp_path, quota={"tokensPerMinute": 200}) as here:
        here.chat.behave = wait
        # Each takes at most 40 tokens to write and some 25 to read: three fit.
        waiting = asyncio.create_task(burst(here, CHAT, {**ASK, "max_tokens": 40}, 50))
        await until(lambda: len(here.rows()) == 47)
        reserved = here.used()[1]
        assert 180 <= reserved <= 200
        release.set()
        assert (await waiting)[0] == {200: 3, 429: 47}
        assert here.used() == (3, 33, 0)  # settled: 11 tokens each


async def test_too_many_at_a_time_are_refused_and_the_places_come_back(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def wait(wire: Wire) -> None:
        await release.wait()
        await here.chat.serve(wire)

    async with stack(tmp_path, quota={"concurrency": 3}) as here:
        here.chat.behave = wait
        waiting = asyncio.create_task(burst(here, CHAT, ASK, 10))
        await until(lambda: len(here.rows()) == 7)
        release.set()
        statuses, answers = await waiting
        assert statuses == {200: 3, 429: 7}
        assert {answer.error["code"] for answer in answers if answer.status == 429} == {"too_many_at_a_time"}
        assert (await here.post(CHAT, ASK)).status == 200
        assert here.used()[2] == 0


async def test_a_request_larger_than_the_whole_budget_is_not_told_to_wait(tmp_path: Path) -> None:
    async with stack(tmp_path, quota={"tokensPerMinute": 50}) as here:
        answer = await here.post(CHAT, ASK)
        assert (answer.status, answer.error["code"]) == (400, "request_exceeds_quota")
        assert "Retry-After" not in answer.headers


async def test_a_model_is_given_no_more_at_a_time_than_it_has_places(tmp_path: Path) -> None:
    async def work(wire: Wire) -> None:
        await asyncio.sleep(0.01)
        await here.chat.serve(wire)

    async with stack(tmp_path, model={"concurrency": 2}) as here:
        here.chat.behave = work
        assert (await burst(here, CHAT, ASK, 20))[0] == {200: 20}
        assert here.chat.most == 2


async def test_a_full_queue_refuses_and_takes_nothing_from_the_quota(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def wait(wire: Wire) -> None:
        await release.wait()
        await here.chat.serve(wire)

    async with stack(tmp_path, model={"concurrency": 1}, limits={"queue": 2}) as here:
        here.chat.behave = wait
        waiting = asyncio.create_task(burst(here, CHAT, ASK, 10))
        await until(lambda: len(here.rows()) == 7)
        release.set()
        statuses, answers = await waiting
        assert statuses == {200: 3, 429: 7}
        refused = [answer for answer in answers if answer.status == 429]
        assert {answer.error["code"] for answer in refused} == {"model_busy"}
        assert {answer.headers["Retry-After"] for answer in refused} == {"5"}
        assert here.used() == (3, 33, 0)


async def test_who_waits_too_long_in_the_queue_is_refused(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def wait(wire: Wire) -> None:
        await release.wait()
        await here.chat.serve(wire)

    async with stack(tmp_path, model={"concurrency": 1}, limits={"queueSeconds": 0.1}) as here:
        here.chat.behave = wait
        first = asyncio.create_task(here.post(CHAT, ASK))
        await asyncio.sleep(0.05)
        second = await here.post(CHAT, ASK)
        assert (second.status, second.error["code"]) == (429, "model_busy")
        assert here.rows()[0]["charged_tokens"] == 0
        release.set()
        assert (await first).status == 200
        assert (await here.post(CHAT, ASK)).status == 200
        assert here.used() == (2, 22, 0)


async def test_who_leaves_the_queue_gives_the_place_to_the_next(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def wait(wire: Wire) -> None:
        await release.wait()
        await here.chat.serve(wire)

    async with stack(tmp_path, model={"concurrency": 1}) as here:
        here.chat.behave = wait
        first = asyncio.create_task(here.post(CHAT, ASK))
        await asyncio.sleep(0.05)
        leaving = asyncio.create_task(here.post(CHAT, ASK))
        await asyncio.sleep(0.05)
        third = asyncio.create_task(here.post(CHAT, ASK))
        await asyncio.sleep(0.05)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        release.set()
        assert [(await first).status, (await third).status] == [200, 200]
        await here.settled()
        assert here.used() == (2, 22, 0)
        assert sorted(row["outcome"] for row in here.rows()) == ["disconnected", "ok", "ok"]


async def test_teams_do_not_use_each_others_quota(tmp_path: Path) -> None:
    async with stack(tmp_path, quota={"requestsPerMinute": 1}) as here:
        assert (await burst(here, EMBEDDINGS, EMBED, 3))[0] == {200: 1, 429: 2}
        assert (await here.post(EMBEDDINGS, EMBED, key=OTHER_KEY)).status == 200
