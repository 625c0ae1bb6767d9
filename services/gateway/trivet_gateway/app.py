"""The gateway as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from trivet_gateway.asgi import Receive, Scope, Send
from trivet_gateway.audit.store import AuditBroken
from trivet_gateway.audit.writer import AuditWriter
from trivet_gateway.config import GatewayConfig
from trivet_gateway.contract import Contract
from trivet_gateway.drain import Drain
from trivet_gateway.errors import ApiError
from trivet_gateway.exchange import Exchange
from trivet_gateway.frontier import Frontier
from trivet_gateway.gauges import watch
from trivet_gateway.inference import Inference, Place
from trivet_gateway.metrics import Metrics
from trivet_gateway.operations import PATHS, READY, Operations
from trivet_gateway.policy import Policy
from trivet_gateway.probes import Probes
from trivet_gateway.quota import TeamQuota
from trivet_gateway.recorder import Recorder
from trivet_gateway.reply import Reply
from trivet_gateway.routes import Routes
from trivet_gateway.slots import Slots
from trivet_gateway.standing import Standing
from trivet_gateway.upstream import Sessions, Upstream

RETRY_AFTER: Final = 5.0
LAST_ROWS_SECONDS: Final = 2.0


class Gateway:
    """The application. What it opens when its lifespan starts, it closes when that ends."""

    def __init__(self, config: GatewayConfig, source: Path | None = None, contract: Contract | None = None) -> None:
        """Take a configuration, and the file it was read from: that may be replaced (see `standing`)."""
        self.config = config
        self._contract = contract
        self._standing = Standing(config, source)
        self._drain = Drain(source)
        self._audit: AuditWriter
        self._operations: Operations
        self._recorder: Recorder
        self._routes: Routes

    @property
    def in_flight(self) -> int:
        """Requests that were begun and are not over."""
        return self._recorder.in_flight

    @property
    def port(self) -> int:
        """Where it listens: where the configuration says, or the managed endpoint that it is behind."""
        return self._contract.port if self._contract else self.config.listen.port

    def drain(self) -> None:
        """Admit nothing more; what is in flight goes on."""
        self._drain.stopping = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["path"] in PATHS or (self._contract and scope["path"] == self._contract.health):
            await self._operations.serve(Exchange(scope, receive, send))
        else:
            await self._recorder.run(Exchange(scope, receive, send), self._admit)

    async def _admit(self, exchange: Exchange) -> Reply | None:
        if self._drain.is_on:
            raise ApiError(
                503,
                "Nothing new is admitted: the gateway or its node is to stop. Try again after the time in Retry-After.",
                code="draining",
                retry_after=RETRY_AFTER,
                outcome="unavailable",
            )
        return await self._routes.serve(exchange)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except (AuditBroken, sqlite3.Error, OSError) as error:
            await send({"type": "lifespan.startup.failed", "message": f"the gateway cannot start: {error}"})
            return
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the audit and the connections; close them in the other order, after the last rows were written.

        Raises:
            AuditBroken: the audit's chain cannot be continued.
            sqlite3.Error: the audit cannot be opened.
            OSError: the frontier's key cannot be read.
        """
        async with contextlib.AsyncExitStack() as stack:
            sessions = await stack.enter_async_context(Sessions(self.config.limits))
            frontier = Frontier(self.config.frontier, sessions) if self.config.frontier else None
            self._audit = AuditWriter(self.config.audit.path)
            stack.push_async_callback(self._audit.stop)
            policy, limits = Policy(self.config), self.config.limits
            quotas = {team.name: TeamQuota(team) for team in self.config.teams}
            places = {
                model.name: Place(model, Upstream(sessions, model.url, model.name), Slots(model, limits))
                for model in self.config.models
            }
            probes = Probes({name: place.upstream for name, place in places.items()})
            probes.start()
            stack.push_async_callback(probes.stop)
            metrics = Metrics()
            self._recorder = Recorder(self._audit, metrics, places, limits.idle_seconds)
            ready = self._contract.health if self._contract else READY
            self._operations = Operations(self._audit, metrics, probes, self._drain, ready)
            inference = Inference(self.config, policy, quotas, places, self._audit, frontier)
            self._routes = Routes(self.config, self._standing, policy, inference, self._audit, self._contract)
            watch(metrics, self._audit, quotas, places, probes, self._drain, frontier)
            stack.push_async_callback(self._last_rows)
            yield

    async def _last_rows(self) -> None:
        """Let requests that the server has just cancelled hand over their rows."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_ROWS_SECONDS):
                await self._recorder.idle.wait()
