"""A model's places: so many requests at its server at a time, so many waiting, and not for longer than so long."""

from __future__ import annotations

import asyncio

from trivet_gateway.config import Limits, Model
from trivet_gateway.errors import ApiError


class Slots:
    """An asynchronous context manager around a request's time at the model's server; first come, first served."""

    def __init__(self, model: Model, limits: Limits) -> None:
        self.waiting = 0
        self._model = model.name
        self._limits = limits
        self._free = asyncio.Semaphore(model.concurrency)

    async def __aenter__(self) -> None:
        """Wait for a place.

        Raises:
            ApiError: 429, the queue is full, or no place came free in time.
        """
        if not self._free.locked():
            await self._free.acquire()
            return
        if self.waiting >= self._limits.queue:
            raise self._busy(f"and its queue of {self._limits.queue} is full")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._limits.queue_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise self._busy(f"and no place came free within {self._limits.queue_seconds:g} s") from error
        finally:
            self.waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._free.release()

    def _busy(self, how: str) -> ApiError:
        return ApiError(
            429,
            f"The model '{self._model}' is busy, {how}. Try again after the time in Retry-After.",
            code="model_busy",
            retry_after=self._limits.queue_seconds,
        )
