"""The HTTP server: uvicorn, with a stop that first drains."""

from __future__ import annotations

import logging
import time
from types import FrameType
from typing import Final

import uvicorn

from trivet_gateway.app import Gateway

KEEP_ALIVE_SECONDS: Final = 75
CANCEL_SECONDS: Final = 1

log = logging.getLogger(__name__)


class DrainingServer(uvicorn.Server):
    """On SIGTERM or SIGINT refuses what is new, lets what is in flight end within a bound, then stops."""

    def __init__(self, gateway: Gateway) -> None:
        listen = gateway.config.listen
        super().__init__(
            uvicorn.Config(
                gateway,
                host=listen.host,
                port=gateway.port,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=CANCEL_SECONDS,
            )
        )
        self._gateway = gateway
        self._drained_by: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        """Begin to drain."""
        if self._drained_by is not None or not self.started:
            self.should_exit = True
            return
        self._drained_by = time.monotonic() + self._gateway.config.limits.drain_seconds
        self._gateway.drain()
        log.info("signal %d: draining, %d requests in flight", sig, self._gateway.in_flight)

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second: True ends the server."""
        if self._drained_by is not None and (self._gateway.in_flight == 0 or time.monotonic() >= self._drained_by):
            self.should_exit = True
        return await super().on_tick(counter)
