"""Server-sent events of a completion, read as they pass: cut at event boundaries, usage taken, else untouched. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json

from trivet_gateway.usage import Usage, usage_of

DATA: Final = b"data:"
ERROR: Final = b"error:"
BOUNDARY: Final = re.compile(rb"\n\r?\n")
# Inside a JSON string every quote is escaped, so these cannot be a model's words: a cheap test that few events pass.
NOTABLE: Final = re.compile(rb'"(?:usage|error)"\s*:\s*[{"]')


@dataclass(slots=True)
class EventReader:
    """Takes a stream's bytes as they come and gives back whole events.

    Attributes:
        drop_usage: leave out the event that carries usage alone (the client did not ask for it).
        usage: what the server reported, once it has.
        events: content events that have passed.
        failed: the server reported an error within the stream.
    """

    drop_usage: bool = False
    usage: Usage | None = None
    events: int = 0
    failed: bool = False
    _rest: bytes = b""

    def feed(self, data: bytes) -> bytes:
        """The events completed by `data`, to be passed on."""
        if self._rest:
            data = self._rest + data
        end = _last_boundary(data)
        whole, self._rest = data[:end], data[end:]
        self.events += whole.count(DATA)
        return self._inspect(whole) if NOTABLE.search(whole) else whole

    def close(self) -> bytes:
        """What is left when the stream ends without a final boundary."""
        rest, self._rest = self._rest, b""
        return rest

    def _inspect(self, whole: bytes) -> bytes:
        kept, start = [], 0
        for boundary in BOUNDARY.finditer(whole):
            event = whole[start : boundary.end()]
            start = boundary.end()
            if not (NOTABLE.search(event) and self._take(event)):
                kept.append(event)
        return b"".join(kept)

    def _take(self, event: bytes) -> bool:
        """Note what an event reports; True when it is to be left out."""
        chunk = _json(event)
        if chunk.get("error"):
            self.failed = True
        usage = usage_of(chunk)
        if usage is None:
            return False
        self.usage = usage
        alone = not chunk.get("choices")
        self.events -= alone
        return alone and self.drop_usage


def _last_boundary(data: bytes) -> int:
    """Where the last whole event ends; 0 when there is none."""
    return max(data.rfind(mark) + len(mark) if mark in data else 0 for mark in (b"\n\n", b"\n\r\n"))


def _json(event: bytes) -> dict[str, Any]:
    lines = (line.partition(b":")[2] for line in event.splitlines() if line.startswith((DATA, ERROR)))
    try:
        value = from_json(b"\n".join(lines))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
