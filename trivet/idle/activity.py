"""Is a stack idle? Told from readings of its metrics, one after the other.

Idle is: it can be read, nothing is in flight, and nothing has changed for a whole window. A counter catches a request
that came and went between two readings; one that went back, or away, means that its server started anew, which counts
as activity. A reading that fails tells nothing: the stack is neither idle nor busy, and unhealthy after a while.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trivet.idle.metrics import Reading


@dataclass(frozen=True)
class Activity:
    """What is known by now. Times are the seconds of any one clock that never jumps.

    Attributes:
        last: when something was last seen to be going on, or to have gone on since the reading before.
        seen: when a reading last succeeded; None before the first.
        reading: that one.
        blind: True if the latest reading failed.
    """

    last: float
    seen: float | None = None
    reading: Reading | None = None
    blind: bool = True

    def observe(self, at: float, reading: Reading | None) -> Activity:
        """What is known after one more reading; None for one that failed."""
        if reading is None:
            return replace(self, blind=True)
        moved = reading.in_flight > 0 or reading != self.reading
        return Activity(last=at if moved else self.last, seen=at, reading=reading, blind=False)

    @property
    def is_quiet(self) -> bool:
        """True if nothing is in flight, and that is known."""
        return not self.blind and self.reading is not None and self.reading.in_flight == 0

    def idle_for(self, at: float) -> float:
        """Seconds for which nothing has been going on; 0 while that is not known."""
        return at - self.last if self.is_quiet else 0.0

    def blind_for(self, at: float) -> float:
        """Seconds since the last reading that succeeded; 0 before the first."""
        return at - self.seen if self.seen is not None and self.blind else 0.0
