"""Brings files to disk while the next ones are written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Final, Self

FLUSHERS: Final = 8  # a file system joins the commits of many small files that are brought to disk at once


class Flusher:
    """Flushes in the background; whoever leaves it waits for all of them, and hears of every error."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(FLUSHERS)
        self._flushes: dict[int, list[Future[None]]] = {}
        self._closed: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        if kind is None:
            for closed in self._closed:
                closed.result()

    def flush(self, descriptor: int) -> None:
        """Begin to bring a file to disk."""
        self._flushes.setdefault(descriptor, []).append(self._pool.submit(os.fdatasync, descriptor))

    def close(self, descriptor: int) -> None:
        """Bring the rest of it to disk, then close it."""
        self._closed.append(self._pool.submit(_close, descriptor, self._flushes.pop(descriptor, [])))


def _close(descriptor: int, flushes: Sequence[Future[None]]) -> None:
    """Those flushes were begun before, so that none of them waits for this."""
    try:
        os.fdatasync(descriptor)
        for flush in flushes:
            flush.result()
    finally:
        wait(flushes)
        os.close(descriptor)
