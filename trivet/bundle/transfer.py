"""Hashing and copying, on all cores, each byte hashed once, and continued where an earlier run was cut off.

A copy goes into a draft that nobody looks at yet. While a buffer is written, the same buffer is hashed in another
thread: so what was hashed is what was written, whatever happens to the source meanwhile. A draft that is there
already is hashed instead of copied, as far as it goes; should the whole then not have its digest, the copy starts
once more from nothing. Memory: a few buffers of 1 MiB a worker, whatever the size of a blob.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from trivet.bundle.extent import Extent, Extents, pump, where
from trivet.bundle.oci import Descriptor
from trivet.bundle.progress import Progress
from trivet.bundle.trust import require_digest
from trivet.errors import HostError

HASH_BUFFER: Final = 256 << 10  # bytes; stays in a core's own cache
COPY_BUFFER: Final = 1 << 20
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


def _require(promised: str, found: str, at: str) -> None:
    require_digest(found, promised, at)


Admit = Callable[[str, str, str], None]
"""Called with a blob's promised digest, the digest found and the file read; raises where the digests differ."""


def hash_blobs(blobs: Iterable[tuple[Descriptor, Extents]], progress: Progress, admit: Admit = _require) -> None:
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


def copy_blobs(
    copies: Sequence[Copy], progress: Progress, admit: Admit = _require, *, workers: int | None = None
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

    def one(copy: Copy, hasher: Executor) -> Callable[[Event], None]:
        return lambda stop: done.append(_copy(copy, progress, admit, stop, hasher))

    together = len({copy.target for copy in copies}) < len(copies)
    count = 1 if together else workers or max(1, (os.cpu_count() or 1) // 2)
    ordered = copies if together else sorted(copies, key=lambda copy: -copy.blob.size)
    try:
        with ThreadPoolExecutor(count) as hasher:
            run_all([one(copy, hasher) for copy in ordered], count)
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


def _copy(copy: Copy, progress: Progress, admit: Admit, stop: Event, hasher: Executor) -> Done:
    descriptor = os.open(copy.target, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        os.fchmod(descriptor, 0o644)
        kept = min(max(0, os.fstat(descriptor).st_size - copy.offset), copy.blob.size)
        found = _fill(copy, descriptor, kept, progress, stop, hasher)
        if kept and found != copy.blob.digest:
            progress.advance(-copy.blob.size)
            kept = 0
            found = _fill(copy, descriptor, kept, progress, stop, hasher)
        admit(copy.blob.digest, found, where(copy.source))
        if copy.offset == 0 and os.fstat(descriptor).st_size > copy.blob.size:
            os.truncate(descriptor, copy.blob.size)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    return Done(copied=copy.blob.size - kept, kept=kept)


def _fill(copy: Copy, descriptor: int, kept: int, progress: Progress, stop: Event, hasher: Executor) -> str:
    """Hash the `kept` bytes that are there, copy and hash the rest; return the digest of all of it."""
    digest = hashlib.sha256()
    buffers = [memoryview(bytearray(COPY_BUFFER)) for _ in range(2)]
    for chunk in pump((Extent(copy.target, copy.offset, kept),), buffers):
        _go_on(stop)
        digest.update(chunk)
        progress.advance(len(chunk))
    position = copy.offset + kept
    hashing: Future[None] | None = None
    for chunk in pump(copy.source, buffers, skip=kept):
        _go_on(stop)
        if hashing:
            hashing.result()
        hashing = hasher.submit(digest.update, chunk)
        _write(descriptor, chunk, position)
        position += len(chunk)
        progress.advance(len(chunk))
    if hashing:
        hashing.result()
    return f"sha256:{digest.hexdigest()}"


def _write(descriptor: int, chunk: memoryview, position: int) -> None:
    while chunk:
        count = os.pwrite(descriptor, chunk, position)
        chunk, position = chunk[count:], position + count


def _digest(extents: Extents, progress: Progress, stop: Event) -> str:
    digest = hashlib.sha256()
    for chunk in pump(extents, [memoryview(bytearray(HASH_BUFFER))]):
        _go_on(stop)
        digest.update(chunk)
        progress.advance(len(chunk))
    return f"sha256:{digest.hexdigest()}"


def _largest_first(blobs: Iterable[tuple[Descriptor, Extents]]) -> list[tuple[Descriptor, Extents]]:
    """So that no core is left with a large one at the end."""
    return sorted(blobs, key=lambda each: -each[0].size)


def _go_on(stop: Event) -> None:
    if stop.is_set():
        raise CancelledError


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
