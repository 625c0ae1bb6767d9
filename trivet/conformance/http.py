"""One connection pool to the gateway: every request bounded in time and size, every byte that comes back timed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from trivet.conformance.breach import BreachError, NoReplyError

MAX_REPLY_BYTES = 32 << 20
CONNECT_SECONDS = 10.0
# Bytes are timed as they come, so they must come as they are.
HEADERS = {"User-Agent": "trivet-verify", "Accept-Encoding": "identity"}
# More than a finding shows: a key is taken out of the whole before it is cut, so that no piece of one is left.
EXCERPT = 4096


@dataclass(frozen=True)
class Read:
    """Bytes as one read of the connection gave them, and when: seconds since the request was sent."""

    at: float
    data: bytes


@dataclass(frozen=True)
class Reply:
    """A complete response, or what had come of it when we hung up."""

    status: int
    headers: httpx.Headers
    reads: tuple[Read, ...]
    seconds: float

    @property
    def body(self) -> bytes:
        """All bytes of the body."""
        return b"".join(read.data for read in self.reads)

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            BreachError: it is none.
        """
        try:
            return json.loads(self.body)
        except ValueError as exc:
            raise BreachError(f"status {self.status} with a body that is not JSON: {self.excerpt()}") from exc

    def excerpt(self) -> str:
        """The beginning of the body, safe for a terminal."""
        return excerpt(self.body.decode("utf-8", "replace"))


class Connection:
    """HTTP to one gateway. Usable from several threads.

    Redirects are not followed: the key is for this address alone. Nothing is retried: a check counts its requests.
    """

    def __init__(self, base: str, timeout: float) -> None:
        self.base = base
        self.timeout = timeout
        bounds = httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
        self._client = httpx.Client(timeout=bounds, headers=HEADERS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        body: object = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        hang_up: bool = False,
    ) -> Reply:
        """Send one request and read its response to the end; with `hang_up`, only its first bytes.

        `body` is sent as JSON, `content` as it is.

        Raises:
            NoReplyError: no complete response within the time and size bounds.
        """
        all_headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        if body is not None:
            content = json.dumps(body).encode()
        if content is not None:
            all_headers.setdefault("Content-Type", "application/json")
        started = time.perf_counter()
        reads: list[Read] = []
        try:
            with self._client.stream(method, self.base + path, content=content, headers=all_headers) as response:
                size = 0
                for data in response.iter_raw():
                    reads.append(Read(time.perf_counter() - started, data))
                    size += len(data)
                    if hang_up:
                        break
                    self._require_bounded(f"{method} {path}", reads[-1].at, size)
        except httpx.HTTPError as exc:
            raise NoReplyError(f"{method} {path}: no complete response: {_cause(exc)}") from exc
        return Reply(response.status_code, response.headers, tuple(reads), time.perf_counter() - started)

    def _require_bounded(self, request: str, seconds: float, size: int) -> None:
        if seconds > self.timeout:
            raise NoReplyError(f"{request}: the response had not ended after {self.timeout:g} s")
        if size > MAX_REPLY_BYTES:
            raise NoReplyError(f"{request}: the response is longer than {MAX_REPLY_BYTES} bytes")


def excerpt(text: str) -> str:
    """The beginning of a text from outside, on one line and without control characters."""
    return "".join(char if char.isprintable() else " " for char in text[:EXCERPT])


def _cause(exc: httpx.HTTPError) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
