"""The cap on the frontier: a token bucket that only requests fill. Pure."""

from __future__ import annotations

from typing import Final

WHOLE: Final = 1_000_000
"""One permit."""


class ShareBucket:
    """Every request adds `share` of a permit, up to `burst`; an escalation takes a whole one.

    It starts empty: after `n` requests at most `share * n` escalations were permitted, whatever the order.
    It counts in whole numbers, for sums of 0.05 in floating point are not exact.
    """

    def __init__(self, share: float, burst: int) -> None:
        self.requests = 0
        self.taken = 0
        self._gain = int(share * WHOLE)
        self._most = burst * WHOLE
        self._level = 0

    def count(self) -> None:
        """A request was admitted."""
        self.requests += 1
        self._level = min(self._most, self._level + self._gain)

    def take(self) -> bool:
        """True when one escalation is permitted; it is then taken."""
        if self._level < WHOLE:
            return False
        self._level -= WHOLE
        self.taken += 1
        return True
