"""Server-sent events out of bytes, cut anywhere (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from trivet.conformance.http import Read

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n)")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Event:
    """One event: its data, and when its last byte was read (seconds since the request was sent)."""

    data: str
    at: float = 0.0


class EventParser:
    """An incremental parser: feed it what each read gave."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._started = False
        self._after_return = False

    @property
    def unfinished(self) -> bool:
        """True while bytes have come that no empty line has closed: at the end of a stream, a lost event."""
        return bool(self._rest or self._data)

    def feed(self, data: bytes, at: float = 0.0) -> list[Event]:
        """The events that these bytes complete."""
        text = self._rest + data
        if not self._started:
            if _BOM.startswith(text) and len(text) < len(_BOM):
                self._rest = text
                return []
            text = text.removeprefix(_BOM)
            self._started = True
        if self._after_return and text:
            # The return ended a line already; a newline right behind it belongs to the same line end.
            text = text.removeprefix(b"\n")
            self._after_return = False
        events: list[Event] = []
        end = 0
        for match in _LINE.finditer(text):
            end = match.end()
            events.extend(self._line(match[1], at))
        self._after_return = end == len(text) and text.endswith(b"\r")
        self._rest = text[end:]
        return events

    def _line(self, line: bytes, at: float) -> Iterable[Event]:
        if not line:
            if self._data:
                yield Event(b"\n".join(self._data).decode("utf-8", "replace"), at)
                self._data = []
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))


def parse_events(reads: Iterable[Read]) -> tuple[tuple[Event, ...], bool]:
    """All events of a body, and whether it ended within one."""
    parser = EventParser()
    events = [event for read in reads for event in parser.feed(read.data, read.at)]
    return tuple(events), parser.unfinished
