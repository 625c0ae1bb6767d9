"""The official Python client, as people use it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import pytest

from tests.unit.gateway.fake_model import OVERFLOW, Wire
from tests.unit.gateway.harness import KEY, Stack, stack

MESSAGES: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "Count."}]


@asynccontextmanager
async def client_of(here: Stack, key: str = KEY) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{here.url}/v1", api_key=key, max_retries=0) as client:
        yield client


async def test_it_chats(tmp_path: Path) -> None:
    async with stack(tmp_path) as here, client_of(here) as client:
        answer = await client.chat.completions.create(model="small", messages=MESSAGES, temperature=0, max_tokens=16)
    assert answer.choices[0].message.content == "One two three four"
    assert answer.usage
    assert answer.usage.total_tokens == 11


async def test_it_streams(tmp_path: Path) -> None:
    async with stack(tmp_path) as here, client_of(here) as client:
        stream = await client.chat.completions.create(model="small", messages=MESSAGES, stream=True)
        pieces = [chunk.choices[0].delta.content async for chunk in stream]
    assert pieces == ["One", " two", " three", " four", None]


async def test_it_streams_with_usage(tmp_path: Path) -> None:
    async with stack(tmp_path) as here, client_of(here) as client:
        stream = await client.chat.completions.create(
            model="small", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage
    assert chunks[-1].usage.total_tokens == 11


async def test_it_gets_embeddings_in_its_default_of_base64(tmp_path: Path) -> None:
    async with stack(tmp_path) as here, client_of(here) as client:
        answer = await client.embeddings.create(model="vectors", input=["a", "b"])
        assert here.vectors.seen[0].body["encoding_format"] == "base64"
    assert [list(item.embedding) for item in answer.data] == [[0.5, -0.25, 1.0]] * 2


async def test_it_lists_and_finds_models(tmp_path: Path) -> None:
    async with stack(tmp_path) as here, client_of(here) as client:
        assert [model.id async for model in client.models.list()] == ["small", "vectors"]
        assert (await client.models.retrieve("small")).owned_by == "trivet"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("huge")


async def test_errors_become_its_own(tmp_path: Path) -> None:
    async def overflow(wire: Wire) -> None:
        await wire.answer(OVERFLOW, 400)

    async with stack(tmp_path, quota={"requestsPerMinute": 1}) as here, client_of(here) as client:
        with pytest.raises(openai.NotFoundError, match="GET /v1/models"):
            await client.chat.completions.create(model="huge", messages=MESSAGES)
        with pytest.raises(openai.BadRequestError) as refusal:
            await client.chat.completions.create(model="small", messages=MESSAGES, temperature=9)
        assert refusal.value.param == "temperature"
        with pytest.raises(openai.PermissionDeniedError):
            await client.chat.completions.create(
                model="small", messages=MESSAGES, extra_headers={"X-Trivet-Data-Class": "special"}
            )
        here.chat.behave = overflow
        with pytest.raises(openai.BadRequestError) as refusal:
            await client.chat.completions.create(model="small", messages=MESSAGES)
        assert refusal.value.code == "context_length_exceeded"
        with pytest.raises(openai.RateLimitError) as limited:
            await client.chat.completions.create(model="small", messages=MESSAGES)
        assert limited.value.response.headers["retry-after"] == "60"
        async with client_of(here, "tvt_wrong") as stranger:
            with pytest.raises(openai.AuthenticationError):
                await stranger.models.list()


async def test_an_error_within_a_stream_becomes_its_own(tmp_path: Path) -> None:
    async def stall(wire: Wire) -> None:
        await wire.start()
        await wire.event({"id": "1", "object": "chat.completion.chunk", "choices": []})
        await asyncio.sleep(30)

    async with stack(tmp_path, limits={"idleSeconds": 0.1}) as here, client_of(here) as client:
        here.chat.behave = stall
        stream = await client.chat.completions.create(model="small", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError, match=r"made no progress for 0\.1 s"):
            [chunk async for chunk in stream]
