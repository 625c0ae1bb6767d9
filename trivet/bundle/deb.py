"""Debian packages as files: what their control file says."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Final

AR_HEADER: Final = 60  # bytes


def read_control(path: Path) -> str | None:
    """The control file of a package: deb(5), an `ar` archive with a compressed tar in it; None where there is none."""
    with path.open("rb") as file:
        for name, size in _ar_members(file):
            if name.startswith("control.tar"):
                return _control(file.read(size))
    return None


def _ar_members(file: IO[bytes]) -> Iterator[tuple[str, int]]:
    """Name and length of each member, at whose first byte the file then stands."""
    file.seek(len(b"!<arch>\n"))
    while len(header := file.read(AR_HEADER)) == AR_HEADER and header.endswith(b"`\n"):
        size, start = int(header[48:58]), file.tell()
        yield header[:16].decode("ascii", "replace").strip().rstrip("/"), size
        file.seek(start + size + size % 2)


def _control(data: bytes) -> str:
    with tarfile.open(fileobj=BytesIO(data), mode="r:*") as archive:
        member = next(each for each in archive if each.name.removeprefix("./") == "control")
        found = archive.extractfile(member)
        return found.read().decode("utf-8", "replace") if found else ""
