"""The rule of the chain, without any I/O.

`hash(n) = sha256(hash(n - 1) || canonical(row n))`, with `hash(0) = GENESIS`. `canonical` is the JSON array of the
row's values in the order of `COLUMNS`, in UTF-8, without spaces: what `json.dumps(row, ensure_ascii=False,
separators=(",", ":"))` writes. So whoever changes, removes, adds or moves a row breaks the hash of that row or of the
next. Rows are numbered from 1 without gaps, and the head (number and hash of the last row) is kept apart, so that rows
missing at the end are seen too.

Who can write the database *and* knows this rule can write a whole new chain: only a head filed elsewhere shows that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic_core import to_json

COLUMNS: Final = (
    "seq",
    "time",
    "request",
    "team",
    "key",
    "route",
    "model",
    "data_class",
    "status",
    "outcome",
    "served_by",
    "prompt_tokens",
    "completion_tokens",
    "charged_tokens",
    "first_byte_ms",
    "latency_ms",
    "prompt",
)
GENESIS: Final = hashlib.sha256(b"trivet audit 1").hexdigest()

Value = str | int | float | None
Row = Sequence[Value]


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of the last row of a chain."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where a chain does not hold."""

    seq: int
    reason: str


EMPTY: Final = Head(0, GENESIS)


def link(previous: str, row: Row) -> str:
    """The hash of a row (values in the order of `COLUMNS`) after the row whose hash is `previous`."""
    return hashlib.sha256(previous.encode() + to_json(row)).hexdigest()


class Walk:
    """Follows a chain row by row from its beginning and remembers the first break."""

    def __init__(self, expect: Iterable[Head] = ()) -> None:
        self.head = EMPTY
        self.broken: Break | None = None
        self._expect = {head.seq: head.hash for head in expect}

    def step(self, values: Sequence[object], stored: object) -> Break | None:
        """Take the next row, by rising number: its values in the order of `COLUMNS`, and the hash stored with it."""
        self.broken = self._fault(values, stored)
        if self.broken is None:
            self.head = Head(self.head.seq + 1, str(stored))
        return self.broken

    def end(self, head: Head | None) -> Break | None:
        """Compare the end of the chain with the head that was kept apart, and with those filed elsewhere."""
        last = self.head.seq
        if head is None:
            self.broken = Break(last, "the record of the chain's head is missing")
        elif head.seq > last:
            self.broken = Break(last + 1, f"rows {last + 1} to {head.seq} are missing at the end")
        elif head != self.head:
            self.broken = Break(last, f"the chain ends with {self.head}, but the record of its head says {head}")
        elif beyond := [seq for seq in self._expect if seq > last]:
            self.broken = Break(last + 1, f"the chain ends before row {max(beyond)}, whose hash is on file")
        elif self._expect.get(0, GENESIS) != GENESIS:
            self.broken = Break(0, "the chain does not begin as the head on file says")
        return self.broken

    def _fault(self, values: Sequence[object], stored: object) -> Break | None:
        expected = self.head.seq + 1
        seq = values[0]
        if type(seq) is not int or seq < expected:
            return Break(expected, f"a row is numbered {seq!r} where {expected} is due")
        if seq > expected:
            missing = f"row {expected} is" if seq == expected + 1 else f"rows {expected} to {seq - 1} are"
            return Break(expected, f"{missing} missing")
        row = [value for value in values if value is None or isinstance(value, (str, int, float))]
        if len(row) != len(values):
            return Break(seq, f"row {seq} holds bytes where text or a number is due")
        if link(self.head.hash, row) != stored:
            return Break(seq, f"row {seq} was edited or moved, or the row before it was replaced")
        if self._expect.get(seq, stored) != stored:
            return Break(seq, f"row {seq} holds, but its hash is not the one on file: the chain was written anew")
        return None
