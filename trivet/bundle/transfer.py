"""Hashing and copying, on all cores, each byte hashed once, and continued where an earlier run was cut off.

A copy goes into a draft that nobody looks at yet. The very buffer that is written is hashed: so what was hashed is
what was written, whatever happens to the source meanwhile. A draft that is there
already is hashed instead of copied, as far as it goes; should the whole then not have its digest, the copy starts
once more from nothing. Memory: 4 MiB a worker, whatever the size of a blob.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from trivet.bundle.extent import Extent, Extents, pump, where
from trivet.bundle.flusher import Flusher
from trivet.bundle.hashing import Admit, BackgroundHash, StreamHash, go_on, require, run_all
from trivet.bundle.oci import Descriptor
from trivet.bundle.progress import Progress
from trivet.bundle.sink import ALIGNMENT, Sink, buffers
from trivet.errors import HostError

WORKERS: Final = 16  # at most; two a core otherwise, so that one waits for the disk while another one hashes
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
        workers: blobs at a time.

    Raises:
        DigestError: a source does not have the promised bytes.
        IntegrityError: a source cannot be read.
        HostError: the disk is full.
    """
    done: list[Done] = []
    in_one_file = len({copy.target for copy in copies}) < len(copies)
    count = 1 if in_one_file else workers or min(WORKERS, 2 * (os.cpu_count() or 1))
    ordered = copies if in_one_file else sorted(copies, key=lambda copy: -copy.blob.size)
    share = sum(copy.blob.size for copy in copies) / count
    try:
        with Flusher() as flusher:
            copier = _Copier(progress, admit, flusher)

            def one(copy: Copy) -> Callable[[Event], None]:
                # A blob of more than a core's share is still at it when the others are done: a second core helps it.
                helped = in_one_file or copy.blob.size > share
                return lambda stop: done.append(copier.copy(copy, stop, BackgroundHash if helped else StreamHash))

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


@dataclass(frozen=True)
class _Copier:
    progress: Progress
    admit: Admit
    flusher: Flusher

    def copy(self, copy: Copy, stop: Event, hasher: type[StreamHash]) -> Done:
        """Bring one blob to its place."""
        sink = Sink(copy.target)
        try:
            there = min(max(0, sink.size - copy.offset), copy.blob.size)
            kept = there if there == copy.blob.size else there // ALIGNMENT * ALIGNMENT
            found = self._fill(copy, sink, kept, stop, hasher)
            if kept and found != copy.blob.digest:
                self.progress.advance(-copy.blob.size)
                kept = 0
                found = self._fill(copy, sink, kept, stop, hasher)
            self.admit(copy.blob.digest, found, where(copy.source))
            if copy.offset == 0 and sink.size > copy.blob.size:
                os.truncate(sink.descriptor, copy.blob.size)
        finally:
            sink.end()
            self.flusher.close(sink.descriptor)
        return Done(copied=copy.blob.size - kept, kept=kept)

    def _fill(self, copy: Copy, sink: Sink, kept: int, stop: Event, hasher: type[StreamHash]) -> str:
        """Hash the `kept` bytes that are there, copy and hash the rest; return the digest of all of it."""
        turn = buffers(hasher.depth)
        position = copy.offset + kept
        with hasher() as digest:
            for chunk in pump((Extent(copy.target, copy.offset, kept),), turn):
                go_on(stop)
                digest.feed(chunk)
                digest.keep_up()
                self.progress.advance(len(chunk))
            digest.result()
            for chunk in pump(copy.source, turn, skip=kept):
                go_on(stop)
                digest.feed(chunk)
                sink.write(chunk, position)
                digest.keep_up()
                position += len(chunk)
                self.progress.advance(len(chunk))
            return digest.result()
