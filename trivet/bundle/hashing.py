"""SHA-256 of many files on all cores, and of one stream while something else is done with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from trivet.bundle.extent import Extents, pump, where
from trivet.bundle.oci import Descriptor
from trivet.bundle.progress import Progress
from trivet.bundle.trust import require_digest

BUFFER: Final = 512 << 10  # bytes; what was read is hashed before it has left the core's own cache


def require(promised: str, found: str, at: str) -> None:
    """Admit nothing but the promised digest."""
    require_digest(found, promised, at)


Admit = Callable[[str, str, str], None]
"""Called with a blob's promised digest, the digest found and the file read; raises where the digests differ."""


def hash_blobs(blobs: Iterable[tuple[Descriptor, Extents]], progress: Progress, admit: Admit = require) -> None:
    """Hash each blob once and say so.

    Args:
        blobs: which, and where their bytes are.
        progress: hears of the bytes.
        admit: hears of each digest.

    Raises:
        IntegrityError: what `admit` raises, or a file cannot be read or is too short.
    """

    def check(blob: Descriptor, extents: Extents) -> Callable[[Event], None]:
        return lambda stop: admit(blob.digest, _digest(extents, progress, stop), where(extents))

    run_all([check(*each) for each in _largest_first(blobs)], os.cpu_count() or 1)


def digests(runs: Sequence[Extents], progress: Progress) -> list[str]:
    """The digest of each run of bytes, in their order.

    Raises:
        IntegrityError: a file cannot be read or is too short.
    """
    found = [""] * len(runs)

    def one(number: int) -> Callable[[Event], None]:
        return lambda stop: found.__setitem__(number, _digest(runs[number], progress, stop))

    run_all([one(number) for number in range(len(runs))], os.cpu_count() or 1)
    return found


class BackgroundHash:
    """SHA-256 of a stream, in a thread of its own: whoever feeds it writes a chunk while the chunk is hashed.

    At most `depth` chunks are on their way, so that many buffers can be used in turn.
    """

    def __init__(self, depth: int) -> None:
        self._digest = hashlib.sha256()
        self._depth = depth
        self._waiting = 0
        self._chunks: SimpleQueue[memoryview | None] = SimpleQueue()
        self._hashed: SimpleQueue[None] = SimpleQueue()
        self._thread = Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._chunks.put(None)
        self._thread.join()

    def feed(self, chunk: memoryview) -> None:
        """Begin to hash a chunk, which must not change before `depth - 1` more were fed."""
        self._chunks.put(chunk)
        self._waiting += 1

    def keep_up(self) -> None:
        """Wait until the buffer of the oldest chunk may be used again."""
        if self._waiting == self._depth:
            self._hashed.get()
            self._waiting -= 1

    def result(self) -> str:
        """The digest of everything that was fed."""
        for _ in range(self._waiting):
            self._hashed.get()
        self._waiting = 0
        return f"sha256:{self._digest.hexdigest()}"

    def _work(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._digest.update(chunk)
            self._hashed.put(None)


def run_all(tasks: Iterable[Callable[[Event], None]], workers: int) -> None:
    """Run all tasks, so many at a time; the first failure stops the others (their event is set) and is raised."""
    stop = Event()
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(task, stop) for task in tasks]
        try:
            for future in as_completed(futures):
                future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _digest(extents: Extents, progress: Progress, stop: Event) -> str:
    digest = hashlib.sha256()
    for chunk in pump(extents, [memoryview(bytearray(BUFFER))]):
        go_on(stop)
        digest.update(chunk)
        progress.advance(len(chunk))
    return f"sha256:{digest.hexdigest()}"


def _largest_first(blobs: Iterable[tuple[Descriptor, Extents]]) -> list[tuple[Descriptor, Extents]]:
    """So that no core is left with a large one at the end."""
    return sorted(blobs, key=lambda each: -each[0].size)


def go_on(stop: Event) -> None:
    """End a task whose companions have failed."""
    if stop.is_set():
        raise CancelledError
