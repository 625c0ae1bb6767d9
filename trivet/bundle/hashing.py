"""SHA-256 of many files on all cores, and of one stream while something else is done with it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import ClassVar, Final, Self

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


class StreamHash:
    """SHA-256 of a stream, chunk by chunk, from `depth` buffers in turn."""

    depth: ClassVar[int] = 1

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""

    def feed(self, chunk: memoryview) -> None:
        """Hash a chunk, at once or later: it must not change before its buffer's turn comes again."""
        self._digest.update(chunk)

    def keep_up(self) -> None:
        """Wait until the next buffer may be filled."""

    def result(self) -> str:
        """The digest of everything that was fed."""
        return f"sha256:{self._digest.hexdigest()}"


class BackgroundHash(StreamHash):
    """The same in a thread of its own, so that whoever feeds it writes a chunk while the chunk is hashed."""

    depth = 3  # one buffer is read into, one written, one hashed

    def __init__(self) -> None:
        super().__init__()
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

    def feed(self, chunk: memoryview) -> None:  # noqa: D102 - as above
        self._chunks.put(chunk)
        self._waiting += 1

    def keep_up(self) -> None:  # noqa: D102 - as above
        if self._waiting == self.depth:
            self._hashed.get()
            self._waiting -= 1

    def result(self) -> str:  # noqa: D102 - as above
        for _ in range(self._waiting):
            self._hashed.get()
        self._waiting = 0
        return super().result()

    def _work(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._digest.update(chunk)
            self._hashed.put(None)


def run_all(tasks: Iterable[Callable[[Event], None]], workers: int) -> None:
    """Run all tasks, so many at a time; the first failure stops the others (their event is set) and is raised."""
    stop = Event()

    def run(task: Callable[[Event], None]) -> None:
        go_on(stop)
        try:
            task(stop)
        except BaseException:
            stop.set()  # here, and not where it is heard of: a thread that is free takes the next task at once
            raise

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(run, task) for task in tasks]
        try:
            for future in as_completed(futures):
                with suppress(CancelledError):
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


def file_digest(path: Path) -> str:
    """`sha256:` and the hexadecimal SHA-256 of a file of any size."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
