"""A clock that stands until it is moved; whoever sleeps by it moves it. Shared by the fake and by who calls it."""

from __future__ import annotations

import threading

START = 1_800_000_000.0


class ManualClock:
    """Implements `trivet.drivers.clock.Clock`. `skew`: how far the wall clock is off, for a caller's own view."""

    def __init__(self, base: ManualClock | None = None, skew: float = 0.0) -> None:
        self._base = base
        self.skew = skew
        self._time = 0.0
        self._guard = threading.Lock()

    def now(self) -> float:
        return START + self.monotonic() + self.skew

    def monotonic(self) -> float:
        return self._base.monotonic() if self._base else self._time

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, seconds
        if self._base:
            self._base.sleep(seconds)
            return
        with self._guard:
            self._time += seconds

    def skewed(self, seconds: float) -> ManualClock:
        """The same time, seen by a machine whose clock is off."""
        return ManualClock(self, seconds)
