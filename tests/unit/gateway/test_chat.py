"""Chat, completions and embeddings through the gateway, on the wire."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.unit.gateway.fake_model import USAGE, Wire, chunk
from tests.unit.gateway.harness import ASK, CHAT, COMPLETIONS, EMBED, EMBEDDINGS, STREAM, bearer, stack


async def test_a_chat_is_answered_and_recorded(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.post(CHAT, ASK, X_Request_Id="my-id")
        row = here.rows()[0]
    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["content"] == "One two three four"
    assert answer.headers["X-Request-Id"] == "my-id"
    assert answer.headers["X-Trivet-Served-By"] == "local"
    assert (row["request"], row["team"], row["key"], row["model"]) == ("my-id", "red", "main", "small")
    assert (row["route"], row["data_class"], row["status"], row["outcome"]) == (CHAT, "internal", 200, "ok")
    assert (row["prompt_tokens"], row["completion_tokens"], row["charged_tokens"]) == (7, 4, 11)
    assert 0 < row["first_byte_ms"] <= row["latency_ms"]
    assert row["prompt"] is None


async def test_a_stream_passes_unchanged_without_the_usage_that_nobody_asked_for(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.post(CHAT, STREAM)
        row = here.rows()[0]
    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert answer.text == "One two three four"
    assert answer.events[-1] == b"[DONE]"
    assert all("usage" not in event for event in answer.events[:-1])
    assert (row["status"], row["outcome"], row["charged_tokens"]) == (200, "ok", 11)


async def test_the_usage_of_a_stream_is_passed_to_who_asked_for_it(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.post(CHAT, {**STREAM, "stream_options": {"include_usage": True}})
    assert answer.events[-2]["usage"] == USAGE
    assert answer.events[-2]["choices"] == []


async def test_a_completion_is_answered(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.post(COMPLETIONS, {"model": "small", "prompt": "Count:"})
    assert answer.json["choices"][0]["text"] == "One two three four"
    assert here.chat.seen[0].body["max_tokens"] == 16


async def test_embeddings_are_answered_as_numbers_and_as_base64(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        numbers = await here.post(EMBEDDINGS, EMBED)
        packed = await here.post(EMBEDDINGS, {**EMBED, "encoding_format": "base64", "dimensions": 3})
        rows = here.rows()
    assert numbers.json["data"][0]["embedding"] == [0.5, -0.25, 1.0]
    assert packed.json["data"][0]["embedding"] == "AAAAPwAAgL4AAIA/"
    assert [row["charged_tokens"] for row in rows] == [3, 3]


async def test_the_model_is_always_given_a_bound_on_tokens(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        await here.post(CHAT, ASK)
        await here.post(CHAT, {**ASK, "max_tokens": 5})
        await here.post(CHAT, {**ASK, "max_tokens": None, "max_completion_tokens": 6})
    bodies = [wire.body for wire in here.chat.seen]
    assert [body.get("max_tokens") for body in bodies] == [64, 5, None]
    assert bodies[2]["max_completion_tokens"] == 6


async def test_what_a_client_says_of_itself_stays_here(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.post(CHAT, {**ASK, "user": "anna", "metadata": {"case": "17"}, "store": False})
    assert answer.status == 200
    assert not here.chat.seen[0].body.keys() & {"user", "metadata", "store"}


async def test_words_that_look_like_a_usage_are_passed_on(tmp_path: Path) -> None:
    tricky = 'data: {"usage": {"prompt_tokens": 1}}\n\n"usage":{'
    async with stack(tmp_path) as here:
        here.chat.words = [tricky, " end"]
        answer = await here.post(CHAT, STREAM)
        row = here.rows()[0]
    assert answer.text == f"{tricky} end"
    assert row["charged_tokens"] == 11


async def test_an_event_reaches_the_client_before_the_next_is_made(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        second = asyncio.Event()

        async def hesitate(wire: Wire) -> None:
            await wire.start()
            await wire.event(chunk("early", "small"))
            await second.wait()
            await wire.event(b"data: [DONE]\n\n")
            await wire.end()

        here.chat.behave = hesitate
        async with asyncio.timeout(5):
            async with here.client.post(here.url + CHAT, json=STREAM, headers=bearer()) as response:
                assert b"early" in await response.content.readany()
                second.set()
                assert await response.content.readany() == b"data: [DONE]\n\n"
