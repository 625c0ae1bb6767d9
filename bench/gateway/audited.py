"""Requests of every fate, cut connections included, and how many of them the audit holds exactly once."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.gateway.setting import ASK, KEY, Ports

REQUESTS = 2_000
AT_ONCE = 50
SETTLE_SECONDS = 1.5
STREAM: dict[str, Any] = {**ASK, "model": "streams", "stream": True, "max_tokens": 400}


def recorded(audit: Path) -> tuple[int, int, Counter[str]]:
    """Requests made, requests that have exactly one row, and the rows' outcomes."""
    names = [f"audited-{number}" for number in range(REQUESTS)]
    asyncio.run(_make(names))
    with closing(sqlite3.connect(audit)) as db:
        rows = db.execute("SELECT request, outcome FROM audit WHERE request LIKE 'audited-%'").fetchall()
    counts = Counter(name for name, _ in rows)
    return len(names), sum(counts[name] == 1 for name in names), Counter(outcome for _, outcome in rows)


async def _make(names: list[str]) -> None:
    places = asyncio.Semaphore(AT_ONCE)
    chance = random.Random(7)

    async def one(name: str) -> None:
        async with places:
            await _request(name, chance)

    await asyncio.gather(*(one(name) for name in names))
    await asyncio.sleep(SETTLE_SECONDS)


async def _request(name: str, chance: random.Random) -> None:
    """One request: a chat, a stream, or one that is refused; some are cut while they are answered."""
    body = json.dumps(chance.choice([ASK, STREAM, STREAM, {**ASK, "model": "none"}, {"model": "small"}])).encode()
    key = KEY if chance.random() < 0.9 else "tvt_wrong"
    reader, writer = await asyncio.open_connection("127.0.0.1", Ports.GATEWAY)
    writer.write(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Request-Id: {name}\r\nAuthorization: Bearer {key}\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    if chance.random() < 0.5:
        await reader.read()
    else:
        await reader.read(chance.randrange(1, 20_000))
        writer.transport.abort()
    writer.close()
