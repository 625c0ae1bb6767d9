"""Streams through a server: chunks a second of several at once, and the time to the first chunk of one at a time."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass

import uvloop

from bench.gateway.setting import ASK

STREAMS = 8
CHUNKS = 2_000
ROUNDS = 4
FIRSTS = 400
EVENT = b"data: {"
EVENT_BYTES = 150
END = b"\r\n0\r\n\r\n"
KEPT = 32
"""Bytes that may hold the beginning of a mark that the next read completes."""


@dataclass(frozen=True)
class Streams:
    """What streaming came to. Times in milliseconds."""

    chunks_per_second: float
    first_p50: float
    first_p99: float


def stream(port: int, key: str) -> Streams:
    """Measure a server."""
    return uvloop.run(_stream(port, key))


async def _stream(port: int, key: str) -> Streams:
    connections = [await asyncio.open_connection("127.0.0.1", port, limit=1 << 20) for _ in range(STREAMS)]
    rates = []
    for _ in range(1 + ROUNDS):
        started = time.perf_counter()
        await asyncio.gather(*(_read(*connection, key, CHUNKS) for connection in connections))
        rates.append(STREAMS * CHUNKS / (time.perf_counter() - started))
    firsts = sorted([await _read(*connections[0], key, 1) * 1000 for _ in range(FIRSTS)])
    for _, writer in connections:
        writer.close()
    # The first round warms up.
    return Streams(statistics.median(rates[1:]), statistics.median(firsts), firsts[int(FIRSTS * 0.99)])


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str, chunks: int) -> float:
    """Ask for one stream and read all of it; returns the seconds to its first chunk."""
    body = json.dumps({**ASK, "model": "streams", "stream": True, "max_tokens": chunks}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    started, first, size, tail = time.perf_counter(), 0.0, 0, b""
    writer.write(head.encode() + body)
    while not tail.endswith(END):
        data = await reader.read(1 << 18)
        if not data:
            raise RuntimeError(f"a stream of {chunks} chunks broke after {size} bytes")
        size += len(data)
        tail = (tail + data)[-KEPT:]
        if not first and (EVENT in data or EVENT in tail):
            first = time.perf_counter() - started
    if size < chunks * EVENT_BYTES:
        raise RuntimeError(f"a stream of {chunks} chunks ended after {size} bytes")
    return first
