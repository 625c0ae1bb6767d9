"""Fifty requests at once against a budget of ten, for chats, streams and embeddings: how many are admitted."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from bench.gateway.setting import ASK, BUDGETS, Ports

AT_ONCE = 50
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", ASK),
    "stream": ("/v1/chat/completions", {**ASK, "model": "streams", "stream": True, "max_tokens": 50}),
    "embeddings": ("/v1/embeddings", {"model": "vectors", "input": "Hello."}),
}


def admitted() -> dict[str, int]:
    """By kind, how many of fifty were answered with 200."""
    return {kind: asyncio.run(_burst(kind)) for kind in KINDS}


async def _burst(kind: str) -> int:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        statuses = await asyncio.gather(*(_ask(client, kind) for _ in range(AT_ONCE)))
    if unexpected := set(statuses) - {200, 429}:
        raise RuntimeError(f"{kind} requests were answered with {unexpected}")
    return statuses.count(200)


async def _ask(client: aiohttp.ClientSession, kind: str) -> int:
    path, body = KINDS[kind]
    headers = {"Authorization": f"Bearer {BUDGETS[kind]}"}
    async with client.post(f"http://127.0.0.1:{Ports.GATEWAY}{path}", json=body, headers=headers) as response:
        await response.read()
        return response.status
