"""A model's server on the wire: speaks OpenAI's protocol as llama-server does, and notes whatever it would refuse."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

WORDS = ["One", " two", " three", " four"]
USAGE = {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11}
CHAT = {
    "model",
    "messages",
    "stream",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "n",
    "response_format",
}
COMPLETION = {"model", "prompt", "stream", "stream_options", "max_tokens", "temperature", "n"}
EMBEDDING = {"model", "input", "encoding_format"}
FIELDS = {"/v1/chat/completions": CHAT, "/v1/completions": COMPLETION, "/v1/embeddings": EMBEDDING}
OVERFLOW = {
    "error": {
        "code": 400,
        "message": "the request exceeds the available context size, try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 900,
        "n_ctx": 512,
    }
}

Behaviour = Callable[["Wire"], Awaitable[None]]


@dataclass
class Wire:
    """One request as it reached the server, and the means to answer it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    receive: Any
    send: Any

    async def answer(self, value: Any, status: int = 200, **headers: str) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        pairs = [(b"content-type", b"application/json"), *((k.encode(), v.encode()) for k, v in headers.items())]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": data})

    async def start(self, content_type: bytes = b"text/event-stream") -> None:
        await self.send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", content_type)]})

    async def event(self, value: Any) -> None:
        data = value if isinstance(value, bytes) else b"data: " + json.dumps(value).encode() + b"\n\n"
        await self.send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self.send({"type": "http.response.body", "body": b""})

    async def gone(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass


@dataclass
class FakeModel:
    """Answers as `behave` says; without it, with four words and their usage.

    Attributes:
        seen: the requests that reached it.
        faults: what a real server would not have understood; tests end with it empty.
        hung_up: requests whose client went before their answer was complete.
        busy, most: requests in work now, and the most there ever were.
    """

    behave: Behaviour | None = None
    healthy: bool = True
    words: list[str] = field(default_factory=lambda: list(WORDS))
    seen: list[Wire] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    hung_up: int = 0
    busy: int = 0
    most: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if scope["path"] == "/health":
            await Wire("/health", headers, {}, receive, send).answer({"status": "ok"}, 200 if self.healthy else 503)
            return
        data, more = b"", True
        while more:
            message = await receive()
            data, more = data + message.get("body", b""), message.get("more_body", False)
        wire = Wire(scope["path"], headers, json.loads(data), receive, send)
        self.check(scope["method"], wire)
        self.seen.append(wire)
        self.busy += 1
        self.most = max(self.most, self.busy)
        work = asyncio.ensure_future((self.behave or self.serve)(wire))
        left = asyncio.create_task(wire.gone())
        await asyncio.wait({work, left}, return_when=asyncio.FIRST_COMPLETED)
        self.busy -= 1
        if not work.done():
            self.hung_up += 1
        for task in (work, left):
            task.cancel()
        await asyncio.gather(left, return_exceptions=True)
        with contextlib.suppress(asyncio.CancelledError, ConnectionAbortedError):  # the response stays incomplete
            await work

    def check(self, method: str, wire: Wire) -> None:
        fields = FIELDS.get(wire.path)
        rules = {
            "POST to a known path": method == "POST" and fields is not None,
            "JSON": wire.headers.get("content-type") == "application/json",
            "known fields": not (set(wire.body) - (fields or set())),
            "no nulls": None not in wire.body.values(),
            "a model": isinstance(wire.body.get("model"), str),
            "stream options of a stream": ("stream_options" in wire.body) == bool(wire.body.get("stream")),
            "a bound on tokens": wire.path == "/v1/embeddings"
            or {"max_tokens", "max_completion_tokens"} & wire.body.keys() != set(),
            "no key of a client": "tvt_" not in wire.headers.get("authorization", ""),
            "a request id": bool(wire.headers.get("x-request-id")),
        }
        self.faults += [f"{wire.path}: {rule}" for rule, kept in rules.items() if not kept]

    async def serve(self, wire: Wire) -> None:
        if wire.path == "/v1/embeddings":
            await wire.answer(embeddings(wire.body))
        elif wire.body.get("stream"):
            await self.stream(wire)
        else:
            await wire.answer(completion("".join(self.words), wire.body["model"], chat="messages" in wire.body))

    async def stream(self, wire: Wire) -> None:
        await wire.start()
        for word in self.words:
            await wire.event(chunk(word, wire.body["model"]))
        await wire.event(chunk(None, wire.body["model"], finish="stop"))
        if wire.body["stream_options"].get("include_usage"):
            await wire.event({**chunk(None, wire.body["model"]), "choices": [], "usage": USAGE})
        await wire.event(b"data: [DONE]\n\n")
        await wire.end()


async def silent(_: Wire) -> None:
    """A server that takes a request and says nothing."""
    await asyncio.sleep(30)


def completion(text: str, model: str, *, chat: bool = True) -> dict[str, Any]:
    said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    return {
        "id": "cmpl-1",
        "object": "chat.completion" if chat else "text_completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", **said}],
        "usage": USAGE,
    }


def chunk(text: str | None, model: str, finish: str | None = None) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    return {
        "id": "cmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vector: Any = [0.5, -0.25, 1.0]
    if body.get("encoding_format") == "base64":
        vector = "AAAAPwAAgL4AAIA/"  # the same three, little-endian 32-bit
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(inputs))]
    return {
        "object": "list",
        "model": body["model"],
        "data": data,
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
