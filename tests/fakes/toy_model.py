"""What a model does, as far as conformance can tell: one answer to a prompt, near vectors for texts of like words.

`broken` names the one thing that it does wrong; empty, it does nothing wrong.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import json
import math
import re
import struct
from collections.abc import AsyncIterator
from typing import Any

WORDS = (
    "a",
    "small",
    "stack",
    "answers",
    "here",
    "and",
    "says",
    "the",
    "same",
    "thing",
    "whenever",
    "it",
    "is",
    "asked",
)
LENGTH = 12
TOKEN_SECONDS = 0.004


class ToyModel:
    """Every model of the gateway."""

    def __init__(self) -> None:
        self.broken = ""
        self.numbers = itertools.count(1)

    def plain(self, body: dict[str, Any], path: str) -> dict[str, Any]:
        tokens = self.tokens(body)
        chat = path == "/v1/chat/completions"
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        said = {"message": {"role": "assistant", "content": "".join(tokens)}} if chat else {"text": "".join(tokens)}
        reply = self.head(body, path, "chat.completion" if chat else "text_completion")
        if self.broken == "wrong-object":
            reply["object"] = "completion"
        return reply | {"choices": [choice | said], "usage": self.usage(body, tokens)}

    def tokens(self, body: dict[str, Any]) -> list[str]:
        tokens = answer_to(prompt_of(body) + (f"{next(self.numbers)}" if self.broken == "moody-model" else ""))
        return tokens[: 3 if self.broken == "short-answers" else body.get("max_tokens", 16)]

    def head(self, body: dict[str, Any], path: str, kind: str) -> dict[str, Any]:
        return {"id": f"answer-{path}", "object": kind, "created": 1, "model": body["model"]}

    def usage(self, body: dict[str, Any], tokens: list[str]) -> dict[str, int]:
        asked, made = len(prompt_of(body).split()) + 1, len(tokens)
        total = asked + made + (self.broken == "usage-adds-up-to-more")
        return {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": total}

    async def pieces(self, body: dict[str, Any], path: str) -> AsyncIterator[bytes]:
        chat = path == "/v1/chat/completions"
        head = self.head(body, path, "chat.completion.chunk" if chat else "text_completion")
        tokens = self.tokens(body)
        while self.broken == "endless-stream":
            await asyncio.sleep(TOKEN_SECONDS)
            yield b": still here\n"
        for index, token in enumerate(tokens):
            await asyncio.sleep(TOKEN_SECONDS)
            if self.broken == "a-lost-piece" and index == 1:
                continue
            if self.broken == "ids-change":
                head = head | {"id": f"answer-{index}"}
            said: dict[str, Any] = {"delta": {"content": token}} if chat else {"text": token}
            yield event(head | {"choices": [{"index": 0, "finish_reason": None} | said]})
        end: dict[str, Any] = {"delta": {}} if chat else {"text": ""}
        reason = None if self.broken == "no-finish-reason" else "stop"
        yield event(head | {"choices": [{"index": 0, "finish_reason": reason} | end]})
        asked = (body.get("stream_options") or {}).get("include_usage")
        if asked or self.broken == "usage-unasked":
            yield event(head | {"choices": [], "usage": self.usage(body, tokens)})
        if self.broken != "no-done":
            yield b"data: [DONE]\n" if self.broken == "cut-at-the-end" else b"data: [DONE]\n\n"

    def embed(self, body: dict[str, Any], dimensions: int) -> dict[str, Any]:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = [self.vector(text, dimensions) for text in texts]
        if self.broken == "batch-in-another-order":
            vectors.reverse()
        coded: list[Any] = list(vectors)
        if body.get("encoding_format") == "base64":
            order = ">" if self.broken == "big-endian" else "<"
            coded = [base64.b64encode(struct.pack(f"{order}{len(v)}f", *v)).decode() for v in vectors]
        data = [{"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(coded)]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        return {"object": "list", "data": data, "model": body["model"], "usage": usage}

    def vector(self, text: str, dimensions: int) -> list[float]:
        if self.broken == "no-meaning":
            text = "Interest rates rose." if "is sitting" in text else text
        values = embedding_of(text, dimensions - (self.broken == "short-vectors"))
        if self.broken == "noisy-vectors":
            values[0] += next(self.numbers) / 100
        return values


def answer_to(prompt: str) -> list[str]:
    """The tokens of the answer."""
    start = int(hashlib.sha256(prompt.encode()).hexdigest(), 16)
    return [f" {WORDS[(start >> 4 * index) % len(WORDS)]}" for index in range(LENGTH)]


def embedding_of(text: str, dimensions: int) -> list[float]:
    """A unit vector: every word stem has a place and a sign."""
    values = [0.0] * dimensions
    for word in re.findall(r"[a-z]+", text.lower()):
        place = int(hashlib.sha256(word[:3].encode()).hexdigest(), 16)
        values[place % dimensions] += 1 if place >> 64 & 1 else -1
    size = math.hypot(*values) or 1.0
    return [value / size for value in values]


def prompt_of(body: dict[str, Any]) -> str:
    """All that the model is to read."""
    if "messages" in body:
        messages = body["messages"] if isinstance(body["messages"], list) else []
        return " ".join(str(message.get("content", "")) for message in messages if isinstance(message, dict))
    return str(body.get("prompt", body.get("input", "")))


def event(chunk: dict[str, Any]) -> bytes:
    """A chunk as a server-sent event."""
    return f"data: {json.dumps(chunk)}\n\n".encode()
