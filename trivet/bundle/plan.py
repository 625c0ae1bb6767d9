"""Which blob goes on which medium. No I/O.

Blobs stay whole wherever they can: only one that is larger than a medium is cut, into pieces that fill media to the
brim. The rest goes, largest first, to the first part that has room (first fit decreasing: at most 11/9 of the fewest
possible parts, and a few percent in practice). Equal input gives equal parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from trivet.bundle.oci import Descriptor
from trivet.errors import TrivetError

BLOCK: Final = 4096  # bytes in which media give room; also what a directory entry or a tar header may cost
MEDIA: Final = {
    "fat32": (4 << 30) - 1,  # the largest file that FAT32 holds: a part also fits there as one tar
    "cd": 700 << 20,
    "dvd": 4_700_372_992,  # DVD+R, the smaller of the two kinds
    "dvd-dl": 8_543_666_176,
    "bluray": 25_025_314_816,
}
_UNITS: Final = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
_SMALLEST: Final = 1 << 20  # bytes of blobs on a medium; below that, the documents are most of it


class MediumSizeError(TrivetError):
    """A medium's size is malformed or too small."""


@dataclass(frozen=True)
class Run:
    """Bytes of a blob: all of it, or a piece."""

    blob: Descriptor
    offset: int
    size: int

    @property
    def key(self) -> tuple[str, int]:
        """Tells runs apart."""
        return self.blob.digest, self.offset

    @property
    def whole(self) -> bool:
        """Whether it is all of the blob."""
        return self.size == self.blob.size


@dataclass
class _Bin:
    room: int
    runs: list[Run] = field(default_factory=list)

    def put(self, run: Run) -> None:
        self.runs.append(run)
        self.room -= cost(run.size)


def medium_size(text: str) -> int:
    """Bytes of a medium: a preset, or a number with a unit (`700M`, `4Gi`).

    Raises:
        MediumSizeError: it is neither.
    """
    if text in MEDIA:
        return MEDIA[text]
    match = re.fullmatch(r"([1-9][0-9]*)(k|M|G|Ki|Mi|Gi)?B?", text)
    if not match:
        raise MediumSizeError(
            value=text, rule=f"a size is one of {', '.join(MEDIA)}, or like 700M or 4Gi", remedy="write it so"
        )
    return int(match[1]) * _UNITS[match[2] or ""]


def cost(size: int) -> int:
    """Bytes that a file of `size` bytes takes on a medium, with its name."""
    return -(-size // BLOCK) * BLOCK + BLOCK


def plan_parts(blobs: Iterable[Descriptor], medium: int, documents: int) -> tuple[tuple[Run, ...], ...]:
    """Share out blobs among media.

    Args:
        blobs: what has to travel.
        medium: bytes of one medium.
        documents: bytes that the documents take on each.

    Returns:
        What each part carries.

    Raises:
        MediumSizeError: the medium is too small.
    """
    room = medium - documents
    if room < _SMALLEST:
        raise MediumSizeError(
            value=f"{medium:,} bytes",
            rule=f"a medium has room for the documents and a megabyte: {documents + _SMALLEST:,} bytes",
            remedy="choose larger media",
        )
    largest = room // BLOCK * BLOCK - BLOCK
    bins: list[_Bin] = []
    for blob in sorted(blobs, key=lambda each: (-each.size, each.digest)):
        for offset in range(0, max(1, blob.size), largest):
            run = Run(blob, offset, min(largest, blob.size - offset))
            place = next((each for each in bins if each.room >= cost(run.size)), None)
            if place is None:
                place = _Bin(room)
                bins.append(place)
            place.put(run)
    return tuple(tuple(each.runs) for each in bins)
