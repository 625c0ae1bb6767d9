"""End a block of work when its client goes away, as `asyncio.timeout` ends one when its time is over."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

from trivet_gateway.exchange import ClientGone, Exchange

GRACE_SECONDS: Final = 0.02


class UntilDisconnect:
    """An asynchronous context manager that cancels its block once the client has gone and raises `ClientGone`.

    It begins to watch after `GRACE_SECONDS`: what ends sooner needs no watcher, which costs more than all other checks.
    """

    __slots__ = ("_exchange", "_gone", "_outer", "_task", "_timer", "_watcher")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._gone = False
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("UntilDisconnect works inside a task only")
        self._task: asyncio.Task[object] = task
        self._outer = task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._gone and self._task.uncancel() <= self._outer and kind is asyncio.CancelledError:
            raise ClientGone from error

    def _start(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        await self._exchange.disconnected()
        self._gone = True
        self._task.cancel()
