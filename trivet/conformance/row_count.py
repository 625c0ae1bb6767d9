"""How many rows of the key's team the audit has gained: exactly, and without those that the counting itself makes."""

from __future__ import annotations

import time

from trivet.conformance.access import Access

SETTLE_SECONDS = 0.2
POLL_SECONDS = 0.1
LATEST_SECONDS = 2.0


class RowCount:
    """Rows since it was made. Asking for them is a request, and so a row, like any other."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._start = access.identity().audit.team_rows
        self._reads = 1

    def gained(self) -> int:
        """Rows that others than this counter have made until now."""
        rows = self._access.identity().audit.team_rows - self._start - self._reads
        self._reads += 1
        return rows

    def settled(self, expected: int) -> int:
        """Rows once they are as many as expected and stay so, or once they have had the time to be.

        A client that hangs up does not see its request's end, so its row may come a moment later.
        """
        deadline = time.monotonic() + LATEST_SECONDS
        while self.gained() < expected and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        time.sleep(SETTLE_SECONDS)
        return self.gained()
