"""A model's server: requests to it, and what its failures mean."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NoReturn, Self

import aiohttp
from pydantic_core import from_json
from yarl import URL

from trivet_gateway.bodies import BODIES
from trivet_gateway.config import Limits, Route
from trivet_gateway.errors import ApiError

HEALTH: Final = "/health"
RETRY_PAUSE: Final = 0.1
RETRY_AFTER: Final = 5.0
# Servers close idle connections after 5 s (llama-server, uvicorn): ours go first, so that none is used as it closes.
KEEP_ALIVE: Final = 3.0
OVERFLOW: Final = re.compile(
    r"exceed_context_size|exceeds? the (?:available )?context|maximum (?:context|model|input) length|"
    r"context_length_exceeded"
)


class NotSent(ApiError):  # noqa: N818  # an ApiError first of all
    """No byte of the request reached the server."""


class ContextOverflow(ApiError):  # noqa: N818  # an ApiError first of all
    """The prompt does not fit the model's context."""


class Sessions:
    """Connections to all servers: unbounded (each model's places bound them), without cookies or proxies.

    Those of `streams` are used once: llama-server closes its after a stream without saying so, and the next request on
    it would be lost. An asynchronous context manager.
    """

    def __init__(self, limits: Limits) -> None:
        self.answers = _session(limits, aiohttp.TCPConnector(limit=0, ttl_dns_cache=1, keepalive_timeout=KEEP_ALIVE))
        self.streams = _session(limits, aiohttp.TCPConnector(limit=0, ttl_dns_cache=1, force_close=True))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.answers.close()
        await self.streams.close()


class Upstream:
    """One server that speaks OpenAI's protocol, and the name it knows its model by."""

    def __init__(self, sessions: Sessions, base: str, model: str, headers: Mapping[str, str] | None = None) -> None:
        self.model = model
        self._sessions = sessions
        self._headers = dict(headers or {})
        self._urls = {path: URL(base.rstrip("/") + path) for path in (*BODIES, HEALTH)}

    async def post(self, route: Route, body: bytes, request_id: str, *, stream: bool) -> aiohttp.ClientResponse:
        """Send a request and return its response once the head has come; use it as a context manager.

        A connection that is refused is tried once more, for nothing was sent. Nothing else is: work may have begun.

        Raises:
            NotSent: 503, the server cannot be reached.
            ApiError: 502, it closed the connection without an answer.
        """
        session = self._sessions.streams if stream else self._sessions.answers
        headers = {**self._headers, "X-Request-Id": request_id}
        try:
            try:
                return await session.post(self._urls[route], data=body, headers=headers, allow_redirects=False)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(RETRY_PAUSE)
                return await session.post(self._urls[route], data=body, headers=headers, allow_redirects=False)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotSent(
                503,
                f"The server of model '{self.model}' cannot be reached. Try again after the time in Retry-After.",
                code="upstream_unavailable",
                retry_after=RETRY_AFTER,
                outcome="upstream_error",
            ) from error
        except aiohttp.ClientError as error:
            raise broken(error) from error

    async def healthy(self, seconds: float) -> bool:
        """True when the server says that it can serve."""
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._sessions.answers.get(
                self._urls[HEALTH], timeout=timeout, allow_redirects=False
            ) as response:
                return response.status == HTTPStatus.OK
        except (aiohttp.ClientError, TimeoutError):
            return False


def _session(limits: Limits, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_seconds),
        headers={"Accept-Encoding": "identity", "Content-Type": "application/json", "User-Agent": "trivet-gateway"},
    )


def broken(cause: Exception) -> ApiError:
    """The failure of a server that went away in the middle of a request."""
    return ApiError(
        502,
        f"The model's server broke the connection ({type(cause).__name__}). The request may have been carried out; "
        "send it again if that does no harm.",
        code="upstream_error",
        outcome="upstream_error",
    )


def refuse(status: int, body: bytes) -> NoReturn:
    """Raise what an answer other than 200 means to the client."""
    said = _message(body)
    if status in (400, 413, 422):
        if OVERFLOW.search(said):
            raise ContextOverflow(
                400,
                f"The prompt is longer than the model's context. Shorten it. (The server says: {said})",
                code="context_length_exceeded",
                param="messages",
                outcome="rejected",
            )
        raise ApiError(400, f"The model's server refuses the request: {said}", code="rejected", outcome="rejected")
    if status in (429, 503):
        raise ApiError(
            status,
            "The model's server is busy or still loading its model. Try again after the time in Retry-After.",
            code="upstream_unavailable",
            retry_after=RETRY_AFTER,
            outcome="upstream_error",
        )
    raise ApiError(
        502,
        f"The model's server failed with status {status}: {said} Tell your administrator if it happens again.",
        code="upstream_error",
        outcome="upstream_error",
    )


def decode(body: bytes) -> dict[str, Any]:
    """A server's whole answer.

    Raises:
        ApiError: 502, it is no JSON object.
    """
    try:
        answer = from_json(body)
    except ValueError as error:
        raise _unreadable() from error
    if not isinstance(answer, dict):
        raise _unreadable()
    return answer


def _unreadable() -> ApiError:
    return ApiError(
        502,
        "The model's server did not answer with a JSON object. Tell your administrator.",
        code="upstream_error",
        outcome="upstream_error",
    )


def _message(body: bytes) -> str:
    """What an error body says, with its type, in at most 500 characters."""
    try:
        value = json.loads(body)
    except ValueError:
        return body[:500].decode(errors="replace")
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, dict):
        parts = [str(error[key]) for key in ("message", "detail", "type", "code") if error.get(key)]
        return "; ".join(parts)[:500]
    return str(error)[:500]
