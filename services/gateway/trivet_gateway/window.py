"""A sliding window: what is used in any 60 seconds never passes a limit. Pure; the caller says what time it is."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

SECONDS: Final = 60.0
SLOT_SECONDS: Final = 0.1


@dataclass(slots=True)
class Slot:
    """What was used within a tenth of a second."""

    first: float
    last: float
    amount: int = 0
    live: bool = True


class Window:
    """Counts amounts by the moment at which they were reserved; memory does not grow with traffic.

    What was used comes free once it is 60 s old, at most a tenth of a second later. An amount that is settled to more
    than was reserved may pass the limit: then nothing is admitted until that debt has aged.
    """

    __slots__ = ("_slots", "limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._slots: deque[Slot] = deque()

    def wait(self, now: float, amount: int) -> float:
        """Seconds until `amount` fits: 0 when it does now, 60 at most; infinite when it never will."""
        self._expire(now)
        free = self.limit - self.used
        if amount <= free:
            return 0.0
        for slot in self._slots:
            free += slot.amount
            if amount <= free:
                return SECONDS - (now - slot.last)
        return float("inf")

    def take(self, now: float, amount: int) -> Slot:
        """Count `amount` now, whether it fits or not; the slot is what `change` wants later."""
        self._expire(now)
        if not self._slots or now - self._slots[-1].first >= SLOT_SECONDS:
            self._slots.append(Slot(now, now))
        slot = self._slots[-1]
        slot.last = now
        slot.amount += amount
        self.used += amount
        return slot

    def change(self, slot: Slot, difference: int) -> None:
        """Correct what was counted in a slot; without effect once the slot has aged."""
        if slot.live:
            slot.amount += difference
            self.used += difference

    def _expire(self, now: float) -> None:
        while self._slots and now - self._slots[0].last >= SECONDS:
            slot = self._slots.popleft()
            slot.live = False
            self.used -= slot.amount
