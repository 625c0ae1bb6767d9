"""What one request has used so far, and what its team is charged for it."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_gateway.audit.entry import Entry
from trivet_gateway.quota import Reservation
from trivet_gateway.usage import Usage


@dataclass(slots=True)
class Meter:
    """Filled in as a request proceeds, read once when it is over.

    Attributes:
        prompt_tokens: estimated prompt tokens.
        usage: what servers reported, summed.
        events: events of a stream that have passed, or None when it never began.
        dispatched: a server may have begun to work on it.
        failed: no answer came, by no fault of the client.
    """

    prompt_tokens: int
    usage: Usage | None = None
    events: int | None = None
    dispatched: bool = False
    failed: bool = False

    def add(self, usage: Usage | None) -> None:
        """Count what a server reported."""
        if usage is not None:
            self.usage = usage if self.usage is None else self.usage + usage

    def settle(self, reservation: Reservation, entry: Entry) -> None:
        """Settle the reservation, and write what was used into the audit entry."""
        if self.usage is not None:
            entry.prompt_tokens, entry.completion_tokens = self.usage.prompt, self.usage.completion
        if not self.dispatched:
            entry.charged_tokens = 0
            reservation.release()
        else:
            entry.charged_tokens = self._charge(reservation.tokens)
            reservation.settle(entry.charged_tokens)

    def _charge(self, reserved: int) -> int:
        """What servers reported; for a stream cut before that, its events; else what was reserved."""
        if self.usage is not None:
            return self.usage.total
        if self.events is not None:
            return self.prompt_tokens + self.events
        return 0 if self.failed else reserved
