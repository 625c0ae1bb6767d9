"""Runs of bytes in files: where a blob's bytes are, whether in a file of their own, in a tar or on several discs."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

from trivet.bundle.refusals import LengthError, MediumError, MissingFileError, UnexpectedFileError


@dataclass(frozen=True)
class Extent:
    """`size` bytes from `offset` on: of the file `path`, or of `data`, which is yet to become that file."""

    path: Path
    offset: int
    size: int
    data: bytes | None = None


Extents = tuple[Extent, ...]
Blobs = Mapping[str, Extents]
"""Where the bytes of each blob are, by digest."""


def in_memory(data: bytes, name: str) -> Extents:
    """Something small that was just made."""
    return (Extent(Path(name), 0, len(data), data),)


def where(extents: Extents) -> str:
    """The files, for errors."""
    return ", ".join(str(extent.path) for extent in extents)


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of a plain file to read; a link is not followed.

    Raises:
        MissingFileError: there is no such file.
        UnexpectedFileError: it is a link.
        MediumError: the medium fails, then or when the file is read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except FileNotFoundError as exc:
        raise MissingFileError(
            where=str(path), value="no such file", rule="the file stays while it is read", remedy="start again"
        ) from exc
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise UnexpectedFileError(
                where=str(path), value="a link", rule="a bundle holds plain files", remedy="copy the file itself"
            ) from exc
        if exc.errno in {errno.EIO, errno.ENXIO, errno.ENOMEDIUM, errno.ESTALE}:
            raise MediumError(
                where=str(path),
                value=os.strerror(exc.errno),
                rule="the medium can be read",
                remedy="clean it or write another one, then run the command again: it continues where it stopped",
            ) from exc
        raise


def pump(extents: Extents, buffers: Sequence[memoryview], *, skip: int = 0) -> Iterator[memoryview]:
    """Read extents one after the other and yield them in chunks.

    Args:
        extents: what to read.
        buffers: filled in turn; a chunk lies in one of them, until that one's turn comes again.
        skip: bytes to leave out at the beginning.

    Raises:
        LengthError: a file ends before its extent does.
        MissingFileError, UnexpectedFileError, MediumError: see `opened`.
    """
    turn = cycle(buffers)
    for extent in extents:
        done, skip = min(skip, extent.size), max(0, skip - extent.size)
        if done == extent.size:
            continue
        if extent.data is not None:
            yield memoryview(extent.data)[extent.offset + done : extent.offset + extent.size]
            continue
        with opened(extent.path) as descriptor:
            os.posix_fadvise(descriptor, extent.offset, extent.size, os.POSIX_FADV_SEQUENTIAL)
            while done < extent.size:
                buffer = next(turn)[: extent.size - done]
                count = os.preadv(descriptor, [buffer], extent.offset + done)
                if count == 0:
                    raise LengthError(
                        where=str(extent.path),
                        value=f"it ends after {done} bytes",
                        rule=f"{extent.size} bytes",
                        remedy="the file was cut while it was read; start again",
                    )
                done += count
                yield buffer[:count]


def cut(extents: Extents, offset: int, size: int) -> Extents:
    """`size` bytes of something, from `offset` on."""
    runs = []
    for extent in extents:
        skipped = min(offset, extent.size)
        taken = min(size, extent.size - skipped)
        if taken:
            runs.append(replace(extent, offset=extent.offset + skipped, size=taken))
        offset, size = offset - skipped, size - taken
    return tuple(runs)


def read_extents(extents: Extents) -> bytes:
    """The bytes of something small."""
    size = sum(extent.size for extent in extents)
    return b"".join(bytes(chunk) for chunk in pump(extents, [memoryview(bytearray(max(1, size)))]))
