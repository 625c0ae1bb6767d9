"""Keeps the rates that Lambda allows: one request a second, one launch in twelve."""

from __future__ import annotations

from trivet.drivers.clock import Clock

REQUEST_SECONDS = 1.0
LAUNCH_SECONDS = 12.0


class Pace:
    """When the next request may go. The limits are the account's: others who use it still make for a 429 at times."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_request = self._next_launch = clock.monotonic()

    def wait(self, *, launch: bool) -> None:
        """Wait for a turn and take it."""
        now = self._clock.monotonic()
        turn = max(now, self._next_request, self._next_launch if launch else now)
        self._next_request = turn + REQUEST_SECONDS
        if launch:
            self._next_launch = turn + LAUNCH_SECONDS
        if turn > now:
            self._clock.sleep(turn - now)
