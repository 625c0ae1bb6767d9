"""Every request leaves one row in the audit, however it ends, and no response is completed before its row is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container
from typing import Final

from trivet_gateway.audit.writer import AuditUnavailable, AuditWriter
from trivet_gateway.errors import ApiError
from trivet_gateway.exchange import ClientGone, Exchange
from trivet_gateway.metrics import Metrics
from trivet_gateway.reply import Reply

CLIENT_GONE: Final = 499
"""The status in the audit of a request whose client left before an answer began: nginx's word, for HTTP has none."""

Handler = Callable[[Exchange], Awaitable[Reply | None]]


class Recorder:
    """Runs a handler and records how it went.

    Attributes:
        in_flight: requests that were begun and are not over.
        idle: set while there are none.
    """

    def __init__(self, audit: AuditWriter, metrics: Metrics, models: Container[str], idle_seconds: float) -> None:
        self.in_flight = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self._audit = audit
        self._metrics = metrics
        self._models = models
        self._idle_seconds = idle_seconds

    async def run(self, exchange: Exchange, handler: Handler) -> None:
        """Handle an exchange, commit its row, and complete its response."""
        entry = exchange.entry
        handed_over = False
        self.in_flight += 1
        self.idle.clear()
        try:
            reply = await self._reply(exchange, handler)
            entry.latency_ms = exchange.elapsed_ms()
            handed_over = True
            await self._audit.finish(entry)
            if reply is not None:
                await exchange.respond(reply)
            elif exchange.streaming:
                await exchange.end_stream(self._idle_seconds)
        except AuditUnavailable as fault:
            handed_over = False
            await self._refuse(exchange, fault)
        except asyncio.CancelledError:
            if not handed_over:
                entry.close(entry.status if exchange.streaming else 0, "interrupted")
            raise
        finally:
            if not handed_over:
                entry.latency_ms = exchange.elapsed_ms()
                self._audit.keep(entry)
            self.in_flight -= 1
            if self.in_flight == 0:
                self.idle.set()
            self._metrics.observe(entry, known_model=entry.model in self._models)

    async def _reply(self, exchange: Exchange, handler: Handler) -> Reply | None:
        """What to answer; None when a stream was relayed, or nobody is there any more."""
        try:
            return await handler(exchange)
        except ApiError as error:
            exchange.entry.close(error.status, error.outcome)
            return error.reply()
        except ClientGone:
            exchange.entry.close(200 if exchange.streaming else CLIENT_GONE, "disconnected")
            return None

    async def _refuse(self, exchange: Exchange, fault: AuditUnavailable) -> None:
        """Answer that nothing is served without an audit; a stream that has begun is cut instead of completed."""
        error = ApiError(
            503,
            f"Nothing is served while the audit cannot be written ({fault}). Tell your administrator.",
            code="audit_unavailable",
            retry_after=5,
            outcome="unavailable",
        )
        exchange.entry.close(200 if exchange.streaming else error.status, error.outcome)
        if not exchange.streaming:
            await exchange.respond(error.reply())
