"""One HTTP exchange: the request as it arrives, the response as it leaves, and the audit entry in between."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import secrets
import time
from typing import Final

from trivet_gateway.asgi import Headers, Receive, Scope, Send
from trivet_gateway.audit.entry import Entry
from trivet_gateway.errors import ApiError
from trivet_gateway.reply import Reply

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
RUN: Final = secrets.token_hex(8)
"""Tells the request ids of this process from those of any other."""
SHOWN: Final = 200
BODY_SECONDS: Final = 30.0
_numbers = itertools.count(1)


class ClientGone(Exception):  # noqa: N818  # an event, not a fault
    """The client closed the connection before its response was complete."""


class Exchange:
    """A request and its response on one connection.

    Attributes:
        entry: its row in the audit, in the making.
        streaming: the head of a streamed response has been sent.
        more_headers: headers of the response that were learned on the way.
        last_words: the last event of a stream that failed.
    """

    __slots__ = (
        "_receive",
        "_send",
        "entry",
        "headers",
        "last_words",
        "method",
        "more_headers",
        "path",
        "started",
        "streaming",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.started = time.perf_counter()
        self.streaming = False
        self.more_headers: Headers = []
        self.last_words = b""
        asked = self.header(b"x-request-id")
        request_id = asked if asked and REQUEST_ID.fullmatch(asked) else f"{RUN}-{next(_numbers)}"
        self.entry = Entry(request=request_id, route=self.path[:SHOWN])

    def header(self, name: bytes) -> str | None:
        """A header's value; the last one counts where it is repeated."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def elapsed_ms(self) -> float:
        """Milliseconds since the request's head was read."""
        return round((time.perf_counter() - self.started) * 1000, 3)

    async def body(self, limit: int) -> bytes:
        """The whole request body, at most `limit` bytes.

        Raises:
            ApiError: 413 when it is longer, 415 when it is compressed, 408 when it does not arrive.
            ClientGone: the client left while sending it.
        """
        if self.headers.get(b"content-encoding", b"identity") != b"identity":
            raise ApiError(415, "Compressed request bodies are not accepted. Send the JSON uncompressed.")
        declared = self.headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > 2 * limit:
            raise too_large(limit)
        parts, size = bytearray(), 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await self._receive()
                    if message["type"] != "http.request":
                        raise ClientGone
                    piece = message.get("body", b"")
                    size += len(piece)
                    if size <= limit:
                        parts += piece
                    # A proxy that is answered while it still sends may lose the answer: a small surplus is let in.
                    if not message.get("more_body") or size > 2 * limit:
                        break
        except TimeoutError as error:
            raise ApiError(
                408, f"The request body did not arrive within {BODY_SECONDS:.0f} s. Send it again.", outcome="timeout"
            ) from error
        if size > limit:
            raise too_large(limit)
        return bytes(parts)

    async def disconnected(self) -> None:
        """Return once the client has gone. Call it only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def respond(self, reply: Reply) -> None:
        """Send a whole response."""
        headers = self._headers(reply.content_type, reply.headers)
        headers.append((b"content-length", b"%d" % len(reply.body)))
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": reply.body})

    async def start_stream(self) -> None:
        """Send the head of a stream of server-sent events."""
        self.streaming = True
        self.entry.status = 200
        headers = self._headers(b"text/event-stream; charset=utf-8", [(b"cache-control", b"no-cache")])
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def stream(self, data: bytes) -> None:
        """Send a part of the stream; waits while the client reads slower than the model writes."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end_stream(self, seconds: float) -> None:
        """Complete the stream; one whose client does not take the end of it in so many seconds is cut instead."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._send({"type": "http.response.body", "body": self.last_words})

    def _headers(self, content_type: bytes, more: Headers) -> Headers:
        headers = [
            (b"content-type", content_type),
            (b"x-request-id", self.entry.request.encode()),
            *self.more_headers,
            *more,
        ]
        if self.entry.served_by is not None:
            headers.append((b"x-trivet-served-by", self.entry.served_by.encode()))
        return headers


def too_large(limit: int) -> ApiError:
    """The refusal of a body longer than `limit` bytes."""
    return ApiError(413, f"The request body is larger than {limit} bytes. Shorten it or split it.")
