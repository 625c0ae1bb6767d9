"""One request to one server: asked within its bounds, and its answer carried to the client as it comes."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Literal

import aiohttp

from trivet_gateway.config import Limits
from trivet_gateway.errors import ApiError
from trivet_gateway.exchange import Exchange
from trivet_gateway.meter import Meter
from trivet_gateway.parse import ModelRequest
from trivet_gateway.reply import Reply
from trivet_gateway.sse import EventReader
from trivet_gateway.upstream import NotSent, Upstream, broken, decode, refuse
from trivet_gateway.usage import usage_of

ServedBy = Literal["local", "frontier"]


class Call:
    """A client's request on its way to a server, here or at the frontier; its time runs from when it is made."""

    def __init__(self, exchange: Exchange, request: ModelRequest, meter: Meter, limits: Limits) -> None:
        self.exchange = exchange
        self.request = request
        self.meter = meter
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._end = self._clock() + limits.total_seconds

    async def ask(self, upstream: Upstream, served_by: ServedBy) -> Reply | None:
        """The whole answer; or None, when it was a stream and has been relayed.

        Raises:
            NotSent: 503, the server cannot be reached.
            ContextOverflow: 400, the prompt is too long for the model.
            ApiError: the server refused, failed, or was too slow.
        """
        self.exchange.entry.served_by = served_by
        body = self.request.encode(upstream.model)
        self.meter.dispatched = True
        # An answer in one piece begins when all of it is written: only the bound on the whole request holds for it.
        first_byte = self._within(self._limits.first_byte_seconds) if self.request.stream else self._end
        try:
            async with (
                asyncio.timeout_at(first_byte) as bound,
                await upstream.post(
                    self.request.route, body, self.exchange.entry.request, stream=self.request.stream
                ) as response,
            ):
                if response.status != HTTPStatus.OK:
                    refuse(response.status, await response.read())
                if self.request.stream:
                    await self._relay(response, bound)
                    return None
                return self._whole(await response.read())
        except TimeoutError as error:
            raise self._too_slow() from error
        except aiohttp.ClientError as error:
            raise broken(error) from error
        except NotSent:
            self.meter.dispatched = False
            raise

    def _within(self, seconds: float) -> float:
        return min(self._end, self._clock() + seconds)

    def _whole(self, body: bytes) -> Reply:
        self.exchange.entry.first_byte_ms = self.exchange.elapsed_ms()
        self.meter.add(usage_of(decode(body)))
        return Reply(200, body)

    async def _relay(self, response: aiohttp.ClientResponse, bound: asyncio.Timeout) -> None:
        if response.content_type != "text/event-stream":
            refuse(502, b"it did not answer with a stream.")
        exchange, idle = self.exchange, self._limits.idle_seconds
        reader = EventReader(drop_usage=not self.request.wants_usage)
        try:
            async for data in response.content.iter_any():
                bound.reschedule(self._within(idle))
                if not exchange.streaming:
                    exchange.entry.first_byte_ms = exchange.elapsed_ms()
                    await exchange.start_stream()
                if whole := reader.feed(data):
                    await exchange.stream(whole)
            if rest := reader.close():
                await exchange.stream(rest)
        finally:
            self.meter.events = reader.events if exchange.streaming else None
            self.meter.add(reader.usage)
        if not exchange.streaming:
            refuse(502, b"its stream was empty.")
        exchange.entry.close(200, "upstream_error" if reader.failed else "ok")

    def _too_slow(self) -> ApiError:
        limits = self._limits
        if self._clock() >= self._end:
            how = f"took more than {limits.total_seconds:g} s"
        elif self.exchange.streaming:
            how = f"or its client made no progress for {limits.idle_seconds:g} s"
        else:
            how = f"did not begin to answer within {limits.first_byte_seconds:g} s"
        return ApiError(
            504,
            f"The model's server {how}. Ask for less, or try again later.",
            code="upstream_timeout",
            outcome="timeout",
        )
