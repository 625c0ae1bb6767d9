"""Which models' servers can serve: asked in the background, so that `/ready` answers at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from trivet_gateway.upstream import Upstream

PAUSE_SECONDS: Final = 2.0
PROBE_SECONDS: Final = 2.0

log = logging.getLogger(__name__)


class Probes:
    """Asks every server for its health, again and again.

    Attributes:
        up: by model; False until its server was first seen.
    """

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self.up = dict.fromkeys(upstreams, False)
        self._upstreams = upstreams
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to ask."""
        self._tasks = [asyncio.create_task(self._watch(model)) for model in self.up]

    async def stop(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, model: str) -> None:
        while True:
            up = await self._upstreams[model].healthy(PROBE_SECONDS)
            if up != self.up[model]:
                log.warning("the server of model %s is %s", model, "up" if up else "down")
            self.up[model] = up
            await asyncio.sleep(PAUSE_SECONDS)
