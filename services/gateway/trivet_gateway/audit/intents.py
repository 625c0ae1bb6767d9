"""Requests on their way to a model, in a small file beside the database.

The file is mapped into memory: what is written there is the system's at once and outlives this process, without a
system call. A slot holds a length (0: free) and a JSON array. Room on the disk is taken in advance.
"""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

from pydantic_core import to_json

from trivet_gateway.audit.entry import Entry

SLOT_BYTES: Final = 8192
"""Names have at most 256 characters, a client's words 200: this holds the longest, were every character escaped."""
LENGTH_BYTES: Final = 2
SLOTS: Final = 512
"""Slots that are added at a time."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is known of a request before a model sees it."""

    time: str
    request: str
    route: str
    team: str | None
    key: str | None
    model: str | None
    data_class: str | None

    def entry(self, slot: int) -> Entry:
        """The entry of a request that went no further."""
        entry = Entry(self.request, self.route, self.time, self.team, self.key, self.model, self.data_class, slot=slot)
        entry.close(0, "interrupted")
        return entry


VALUES = attrgetter(*Intent.__slots__)


def path_of(database: Path) -> Path:
    """Where the intents of an audit database lie."""
    return database.with_name(f"{database.name}-intents")


def read(path: Path) -> dict[int, Intent]:
    """The intents in a file, by slot; none where there is no file."""
    data = path.read_bytes() if path.exists() else b""
    found = {}
    for slot in range(len(data) // SLOT_BYTES):
        start = slot * SLOT_BYTES + LENGTH_BYTES
        if length := int.from_bytes(data[start - LENGTH_BYTES : start], "little"):
            found[slot] = Intent(*json.loads(data[start : start + length]))
    return found


class Intents:
    """The open file. One thread may begin intents while another ends some.

    Attributes:
        left: intents that an earlier process did not end, by slot.

    Raises:
        OSError: it cannot be made, or the disk has no room for it.
    """

    def __init__(self, path: Path) -> None:
        self.left = read(path)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._size = max(os.fstat(self._file).st_size, SLOT_BYTES * SLOTS)
        os.posix_fallocate(self._file, 0, self._size)
        self._map = mmap.mmap(self._file, self._size)
        # The slot that came free last is taken first: few pages of the file are ever touched.
        self._free = [slot for slot in reversed(range(self._size // SLOT_BYTES)) if slot not in self.left]

    def begin(self, entry: Entry) -> int:
        """Write the intent of a request; returns its slot.

        Raises:
            OSError: all slots are taken, and the disk has no room for more.
        """
        if not self._free:
            self._grow()
        slot = self._free.pop()
        data = to_json(VALUES(entry))
        start = slot * SLOT_BYTES
        body = start + LENGTH_BYTES
        self._map[body : body + len(data)] = data
        self._map[start:body] = len(data).to_bytes(LENGTH_BYTES, "little")  # last: from here on it counts
        return slot

    def end(self, slot: int) -> None:
        """Free a slot."""
        start = slot * SLOT_BYTES
        self._map[start : start + LENGTH_BYTES] = bytes(LENGTH_BYTES)
        self._free.append(slot)

    def sync(self) -> None:
        """Carry the file to the disk."""
        os.fdatasync(self._file)

    def close(self) -> None:
        """Close the file."""
        self._map.close()
        os.close(self._file)

    def _grow(self) -> None:
        slots = self._size // SLOT_BYTES
        os.posix_fallocate(self._file, self._size, SLOT_BYTES * SLOTS)
        self._size += SLOT_BYTES * SLOTS
        self._map.resize(self._size)
        self._free.extend(reversed(range(slots, slots + SLOTS)))
