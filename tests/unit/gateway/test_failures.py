"""What a failing model's server means to the client, the quota and the audit; and that it is asked no second time."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway.fake_model import Behaviour, Wire, chunk, silent
from tests.unit.gateway.harness import ASK, CHAT, EMBED, EMBEDDINGS, KEY, STREAM, Stack, serving, stack, until
from trivet_gateway.parse import ModelRequest


@contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and which nobody else is given."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def last(here: Stack) -> tuple[Any, ...]:
    row = here.rows()[-1]
    return row["status"], row["outcome"], row["charged_tokens"]


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["plain", "stream"])
async def test_a_server_that_is_down_is_503_and_gives_the_quota_back(tmp_path: Path, body: dict[str, Any]) -> None:
    with closed_port() as port:
        async with stack(tmp_path, model={"url": f"http://127.0.0.1:{port}"}) as here:
            answer = await here.post(CHAT, body)
            assert (answer.status, answer.error["code"]) == (503, "upstream_unavailable")
            assert answer.headers["Retry-After"] == "5"
            assert here.used() == (0, 0, 0)
            assert last(here) == (503, "upstream_error", 0)


async def test_a_server_that_comes_back_at_once_is_asked_again(tmp_path: Path) -> None:
    with closed_port() as port:
        pass
    async with stack(tmp_path, model={"url": f"http://127.0.0.1:{port}"}) as here:
        asking = asyncio.create_task(here.post(CHAT, ASK))
        await asyncio.sleep(0.03)
        async with serving(here.chat, port=port):
            assert (await asking).status == 200
    assert len(here.chat.seen) == 1


@asynccontextmanager
async def bare_server(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[str]:
    """A server that answers a POST with bytes, or none, and then closes without a word, as llama-server does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            while (head := await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert length
            writer.write(answer(await reader.readexactly(int(length[1]))) or b"")
            await writer.drain()
            await asyncio.sleep(0.005)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_server_that_drops_the_connection_is_not_asked_again(tmp_path: Path) -> None:
    asked = []
    async with bare_server(asked.append) as url, stack(tmp_path, model={"url": url}) as here:
        answer = await here.post(CHAT, ASK)
        assert (answer.status, answer.error["code"]) == (502, "upstream_error")
        assert "may have been carried out" in answer.error["message"]
        assert len(asked) == 1
        assert here.used() == (1, 0, 0)
        assert last(here) == (502, "upstream_error", 0)


async def test_the_connection_of_a_stream_is_not_used_again(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    event = b'data: {"choices":[]}\n\n'
    streamed = head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event)
    async with bare_server(lambda _: streamed) as url, stack(tmp_path, model={"url": url}) as here:
        answers = [await here.post(CHAT, STREAM) for _ in range(5)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, event)] * 5


def replying(status: int, value: Any) -> Behaviour:
    async def reply(wire: Wire) -> None:
        await wire.answer(value, status)

    return reply


@pytest.mark.parametrize(
    ("status", "value", "expected", "code", "outcome", "words"),
    [
        (500, {"error": {"message": "CUDA out of memory"}}, 502, "upstream_error", "upstream_error", "CUDA out of"),
        (404, {"error": "no such model"}, 502, "upstream_error", "upstream_error", "no such model"),
        (401, b"denied", 502, "upstream_error", "upstream_error", "denied"),
        (302, b"", 502, "upstream_error", "upstream_error", "status 302"),
        (503, {"error": {"message": "Loading model"}}, 503, "upstream_unavailable", "upstream_error", "still loading"),
        (429, b"", 429, "upstream_unavailable", "upstream_error", "busy"),
        (400, {"error": {"message": "bad grammar"}}, 400, "rejected", "rejected", "bad grammar"),
        (422, {"detail": "odd"}, 400, "rejected", "rejected", "odd"),
        (200, b"<html>", 502, "upstream_error", "upstream_error", "JSON object"),
        (200, [1], 502, "upstream_error", "upstream_error", "JSON object"),
    ],
)
async def test_what_a_server_answers_is_told_in_our_shape(
    tmp_path: Path, status: int, value: Any, expected: int, code: str, outcome: str, words: str
) -> None:
    async with stack(tmp_path) as here:
        here.chat.behave = replying(status, value)
        answer = await here.post(CHAT, ASK)
        assert (answer.status, answer.error["code"]) == (expected, code)
        assert words in answer.error["message"]
        assert ("Retry-After" in answer.headers) == (expected in {429, 503})
        assert here.used() == (1, 0, 0)
        assert last(here) == (expected, outcome, 0)


@pytest.mark.parametrize("status", [400, 413])
@pytest.mark.parametrize(
    "said",
    [
        {"error": {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"}},
        {
            "message": "This model's maximum context length is 512 tokens. However, you requested 900.",
            "object": "error",
        },
        {"error": {"message": "Input too long", "code": "context_length_exceeded"}},
    ],
    ids=["llama-server", "vllm", "openai"],
)
async def test_a_prompt_over_the_context_is_told_as_openai_tells_it(tmp_path: Path, status: int, said: Any) -> None:
    async with stack(tmp_path) as here:
        here.chat.behave = replying(status, said)
        for body in (ASK, STREAM):
            answer = await here.post(CHAT, body)
            assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
            assert "Shorten it" in answer.error["message"]


async def test_an_answer_without_usage_is_charged_what_was_reserved(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        here.chat.behave = replying(200, {"choices": []})
        assert (await here.post(CHAT, {**ASK, "max_tokens": 40})).status == 200
        row = here.rows()[0]
    assert row["charged_tokens"] >= 40
    assert (row["prompt_tokens"], row["completion_tokens"]) == (None, None)


async def stalling(wire: Wire) -> None:
    await wire.start()
    await wire.event(chunk("Once", "small"))
    await wire.event(chunk(" upon", "small"))
    await asyncio.sleep(30)


async def endless(wire: Wire) -> None:
    await wire.start()
    while True:
        await wire.event(chunk("again", "small"))
        await asyncio.sleep(0.02)


async def breaking(wire: Wire) -> None:
    await wire.start()
    await wire.event(chunk("Once", "small"))
    raise ConnectionAbortedError


async def test_a_server_that_is_silent_is_a_timeout(tmp_path: Path) -> None:
    async with stack(tmp_path, limits={"firstByteSeconds": 0.1, "totalSeconds": 0.3}) as here:
        here.chat.behave = silent
        stream = await here.post(CHAT, STREAM)
        assert (stream.status, stream.error["code"]) == (504, "upstream_timeout")
        assert "did not begin to answer within 0.1 s" in stream.error["message"]
        plain = await here.post(CHAT, ASK)
        assert (plain.status, plain.error["code"]) == (504, "upstream_timeout")
        assert "took more than 0.3 s" in plain.error["message"]
        assert here.used() == (2, 0, 0)
        assert [row["outcome"] for row in here.rows()] == ["timeout", "timeout"]
    assert here.chat.hung_up == 2


@pytest.mark.parametrize(
    ("behave", "limits", "outcome", "code"),
    [
        (stalling, {"idleSeconds": 0.1}, "timeout", "upstream_timeout"),
        (endless, {"totalSeconds": 0.2}, "timeout", "upstream_timeout"),
        (breaking, {}, "upstream_error", "upstream_error"),
    ],
    ids=["stalling", "endless", "breaking"],
)
async def test_a_stream_that_fails_midway_ends_with_an_error_event(
    tmp_path: Path, behave: Behaviour, limits: dict[str, float], outcome: str, code: str
) -> None:
    async with stack(tmp_path, limits=limits) as here:
        here.chat.behave = behave
        answer = await here.post(CHAT, STREAM)
        assert answer.status == 200
        assert answer.events[-1]["error"]["code"] == code
        assert b"[DONE]" not in answer.body
        row = here.rows()[0]
        assert (row["status"], row["outcome"]) == (200, outcome)
        passed = len(answer.events) - 1
        assert row["charged_tokens"] == here.used()[1] >= passed
        assert here.used()[2] == 0


async def test_an_error_that_the_server_streams_is_passed_and_recorded(tmp_path: Path) -> None:
    async def fail(wire: Wire) -> None:
        await wire.start()
        await wire.event(chunk("Once", "small"))
        await wire.event({"error": {"message": "out of memory", "type": "server_error", "code": 500}})
        await wire.end()

    async with stack(tmp_path) as here:
        here.chat.behave = fail
        answer = await here.post(CHAT, STREAM)
        assert answer.events[-1]["error"]["message"] == "out of memory"
        assert last(here)[:2] == (200, "upstream_error")


async def test_a_stream_that_is_none_is_an_error(tmp_path: Path) -> None:
    async def empty(wire: Wire) -> None:
        await wire.start()
        await wire.end()

    async with stack(tmp_path) as here:
        for behave in (replying(200, {"choices": []}), empty):
            here.chat.behave = behave
            answer = await here.post(CHAT, STREAM)
            assert (answer.status, answer.error["code"]) == (502, "upstream_error")


@pytest.mark.parametrize(("body", "behave"), [(ASK, silent), (STREAM, silent), (STREAM, stalling), (STREAM, endless)])
async def test_a_client_that_leaves_stops_the_model_and_is_recorded(
    tmp_path: Path, body: dict[str, Any], behave: Behaviour
) -> None:
    async with stack(tmp_path) as here:
        here.chat.behave = behave
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(here.post(CHAT, body), 0.2)
        await here.settled()
        await until(lambda: here.chat.busy == 0)
        assert here.used()[2] == 0
        row = here.rows()[0]
        streamed = behave is not silent
        assert (row["status"], row["outcome"]) == (200 if streamed else 499, "disconnected")
        assert 0 < row["charged_tokens"] == here.used()[1]
        assert (await here.get("/health")).status == 200


async def test_a_client_that_stops_reading_holds_nothing(tmp_path: Path) -> None:
    async def pour(wire: Wire) -> None:
        await wire.start()
        while True:
            await wire.event(chunk("x" * 100_000, "small"))
            await asyncio.sleep(0)

    async with stack(tmp_path, limits={"idleSeconds": 0.2}) as here:
        here.chat.behave = pour
        host, port = here.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        body = json.dumps(STREAM)
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        await until(lambda: here.used()[2] == 0)
        await until(lambda: here.chat.busy == 0)
        await asyncio.wait_for(here.settled(), 10)
        assert last(here)[:2] == (200, "timeout")
        writer.transport.abort()


async def test_a_fault_of_the_gateway_is_recorded_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stack(tmp_path) as here:
        monkeypatch.setattr(ModelRequest, "encode", lambda *_: 1 / 0)
        assert (await here.post(EMBEDDINGS, EMBED)).status == 500
        monkeypatch.undo()
        assert (await here.post(EMBEDDINGS, EMBED)).status == 200
        await asyncio.sleep(1.2)  # the row is written by the next look at what was kept
        assert sorted(row["outcome"] for row in here.rows()) == ["internal_error", "ok"]
        assert here.used()[2] == 0
