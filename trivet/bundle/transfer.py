"""Hashing and copying, on all cores, each byte hashed once, and continued where an earlier run was cut off.

A copy goes into a draft that nobody looks at yet. While a buffer is written, the same buffer is hashed in another
thread: so what was hashed is what was written, whatever happens to the source meanwhile. A draft that is there
already is hashed instead of copied, as far as it goes; should the whole then not have its digest, the copy starts
once more from nothing. Memory: 3 MiB a worker, whatever the size of a blob.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Final, Self

from trivet.bundle.extent import Extent, Extents, pump, where
from trivet.bundle.hashing import Admit, BackgroundHash, go_on, require, run_all
from trivet.bundle.oci import Descriptor
from trivet.bundle.progress import Progress
from trivet.errors import HostError

BUFFER: Final = 1 << 20  # bytes
DEPTH: Final = 3  # buffers of a worker: one is read into, one written, one hashed
FLUSHERS: Final = 8  # a file system joins the commits of many small files that are brought to disk at once
FLUSH: Final = 64 << 20  # bytes after which the disk is told to begin, so that little is left to wait for at the end
SLACK: Final = 8 << 20  # bytes kept free beside the blobs: documents, directories


@dataclass(frozen=True)
class Copy:
    """A blob that is to lie in the file `target`, from `offset` on."""

    blob: Descriptor
    source: Extents
    target: Path
    offset: int = 0


@dataclass(frozen=True)
class Done:
    """What copying came to, in bytes: copied from the source, and found in place and verified."""

    copied: int
    kept: int


def copy_blobs(
    copies: Sequence[Copy], progress: Progress, admit: Admit = require, *, workers: int | None = None
) -> Done:
    """Bring each blob to its place, verified and on disk.

    Args:
        copies: which; no two of them may touch the same bytes, and several in one file are copied one after the other.
        progress: hears of the bytes, kept ones too.
        admit: hears of each digest.
        workers: blobs at a time; half the cores when None, since each keeps two busy.

    Raises:
        DigestError: a source does not have the promised bytes.
        IntegrityError: a source cannot be read.
        HostError: the disk is full.
    """
    done: list[Done] = []
    together = len({copy.target for copy in copies}) < len(copies)
    count = 1 if together else workers or max(1, (os.cpu_count() or 1) // 2)
    ordered = copies if together else sorted(copies, key=lambda copy: -copy.blob.size)
    try:
        with _Flusher() as flusher:

            def one(copy: Copy) -> Callable[[Event], None]:
                return lambda stop: done.append(_copy(copy, progress, admit, stop, flusher))

            run_all([one(copy) for copy in ordered], count)
    except OSError as exc:
        if exc.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise HostError(
            where=str(copies[0].target.parent),
            value=os.strerror(exc.errno),
            rule="the disk has room for every blob",
            remedy="free some space, then run the command again: it continues where it stopped",
        ) from exc
    return Done(sum(each.copied for each in done), sum(each.kept for each in done))


def require_space(directory: Path, needed: int) -> None:
    """Refuse to begin what cannot end.

    Raises:
        HostError: the file system of `directory` (or of its nearest parent that exists) has no room for `needed` bytes.
    """
    there = next(each for each in (directory, *directory.parents) if each.exists())
    free = shutil.disk_usage(there).free
    if free < needed + SLACK:
        raise HostError(
            where=str(directory),
            value=f"{free:,} bytes free",
            rule=f"{needed + SLACK:,} bytes are needed",
            remedy="free some space or name another place; nothing was written",
        )


class _Flusher:
    """Brings what is written to disk, in the background; whoever leaves it waits for that, and hears of every error."""

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


def _copy(copy: Copy, progress: Progress, admit: Admit, stop: Event, flusher: _Flusher) -> Done:
    descriptor = os.open(copy.target, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        os.fchmod(descriptor, 0o644)
        kept = min(max(0, os.fstat(descriptor).st_size - copy.offset), copy.blob.size)
        found = _fill(copy, descriptor, kept, progress, stop, flusher)
        if kept and found != copy.blob.digest:
            progress.advance(-copy.blob.size)
            kept = 0
            found = _fill(copy, descriptor, kept, progress, stop, flusher)
        admit(copy.blob.digest, found, where(copy.source))
        if copy.offset == 0 and os.fstat(descriptor).st_size > copy.blob.size:
            os.truncate(descriptor, copy.blob.size)
    finally:
        flusher.close(descriptor)
    return Done(copied=copy.blob.size - kept, kept=kept)


def _fill(copy: Copy, descriptor: int, kept: int, progress: Progress, stop: Event, flusher: _Flusher) -> str:
    """Hash the `kept` bytes that are there, copy and hash the rest; return the digest of all of it."""
    buffers = [memoryview(bytearray(BUFFER)) for _ in range(DEPTH)]
    position = copy.offset + kept
    flushed = position
    there = pump((Extent(copy.target, copy.offset, kept),), buffers)
    missing = pump(copy.source, buffers, skip=kept)
    with BackgroundHash(DEPTH) as digest:
        for chunk in there:
            go_on(stop)
            digest.feed(chunk)
            digest.keep_up()
            progress.advance(len(chunk))
        digest.result()
        for chunk in missing:
            go_on(stop)
            digest.feed(chunk)
            _write(descriptor, chunk, position)
            digest.keep_up()
            position += len(chunk)
            progress.advance(len(chunk))
            if position - flushed >= FLUSH:
                flusher.flush(descriptor)
                flushed = position
        return digest.result()


def _write(descriptor: int, chunk: memoryview, position: int) -> None:
    while chunk:
        count = os.pwrite(descriptor, chunk, position)
        chunk, position = chunk[count:], position + count
