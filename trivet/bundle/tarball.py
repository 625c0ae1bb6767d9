"""A bundle as one uncompressed tar: the same files under the same names, in one order, with nothing left to chance.

A tar's headers and padding are under no signature. So exactly one form is written and read: GNU headers of plain files,
owner 0, mode 0644, time 0, padding of zeros. A reader makes the header again from name and length, and compares.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from trivet.bundle.extent import Extent, opened
from trivet.bundle.refusals import LengthError, UnexpectedFileError

END: Final = bytes(2 * tarfile.BLOCKSIZE)
_NAME: Final = slice(0, 100)


def header(name: str, size: int) -> bytes:
    """The 512 bytes before a file."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def padding(size: int) -> int:
    """How many zeros follow a file."""
    return -size % tarfile.BLOCKSIZE


def tar_offsets(files: Sequence[tuple[str, int]]) -> tuple[dict[str, int], int]:
    """Where in the tar each of the files (name, length) begins, and where the next header goes."""
    offsets, position = {}, 0
    for name, size in files:
        offsets[name] = position + tarfile.BLOCKSIZE
        position += tarfile.BLOCKSIZE + size + padding(size)
    return offsets, position


def list_tar(path: Path) -> Iterator[tuple[str, Extent]]:
    """The files of a tar, in its order.

    Raises:
        LengthError: the tar is cut short, or goes on after its end.
        UnexpectedFileError: a header or padding is not as written here.
    """
    position = 0
    with opened(path) as descriptor:
        total = os.fstat(descriptor).st_size
        while (block := os.pread(descriptor, tarfile.BLOCKSIZE, position)).strip(b"\0"):
            name, size = _parse(block, path, position)
            start = position + tarfile.BLOCKSIZE
            position = start + size + padding(size)
            if not start <= position <= total:
                raise _cut(path, total, f"{name} has {size} bytes")
            if os.pread(descriptor, padding(size), start + size) != bytes(padding(size)):
                raise _odd(path, start + size, "the padding after a file")
            yield name, Extent(path, start, size)
        if total != position + len(END) or os.pread(descriptor, len(END), position) != END:
            raise _cut(path, total, f"the last file ends at {position}, then come {len(END)} zeros and nothing more")


def _parse(block: bytes, path: Path, position: int) -> tuple[str, int]:
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        expected = header(block[_NAME].rstrip(b"\0").decode("ascii"), info.size)
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError) as exc:
        raise _odd(path, position, str(exc)) from exc
    if expected != block:
        raise _odd(path, position, f"the header of {info.name!r}")
    return info.name, info.size


def _cut(path: Path, total: int, rule: str) -> LengthError:
    return LengthError(
        where=str(path), value=f"{total} bytes", rule=rule, remedy="get the tar again: it was cut or added to"
    )


def _odd(path: Path, position: int, what: str) -> UnexpectedFileError:
    return UnexpectedFileError(
        where=str(path),
        value=f"at byte {position}: {what} is not as `trivet bundle create` writes it",
        rule="a bundle's tar holds plain files with GNU headers, owner 0, mode 0644 and time 0",
        remedy="get the tar again, or unpack it and name the directory",
    )
