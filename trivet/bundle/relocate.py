"""A layer's files, elsewhere: what lies below one directory of it, in a layer of its own, below another."""

from __future__ import annotations

import copy
import tarfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import BinaryIO, Final

ROOT: Final = PurePosixPath("/")


def relocate(layer: BinaryIO, moves: Sequence[tuple[str, str]], out: BinaryIO) -> int:
    """Write the tar of a layer anew, with each (source, target) directory moved; returns how many entries it has.

    Marks of deletion move with their directory. Symbolic links stay as they are. The same layer gives the same bytes.
    """
    written = 0
    with (
        tarfile.open(fileobj=layer, mode="r:") as source,
        tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as target,
    ):
        for member in source:
            for place, to in moves:
                moved = _moved(member, PurePosixPath(place), PurePosixPath(to))
                if moved is not None:
                    target.addfile(moved, source.extractfile(member) if member.isreg() else None)
                    written += 1
    return written


def _moved(member: tarfile.TarInfo, source: PurePosixPath, target: PurePosixPath) -> tarfile.TarInfo | None:
    path = ROOT / member.name
    if not path.is_relative_to(source):
        return None
    moved = copy.copy(member)
    moved.name = _name(path, source, target)
    if member.islnk():
        moved.linkname = _name(ROOT / member.linkname, source, target)
    # These would win over the names that were just given.
    moved.pax_headers = {key: value for key, value in member.pax_headers.items() if key not in ("path", "linkpath")}
    return moved


def _name(path: PurePosixPath, source: PurePosixPath, target: PurePosixPath) -> str:
    return str((target / path.relative_to(source)).relative_to(ROOT))
