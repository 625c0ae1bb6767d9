"""What can go wrong between us and the provider, one thing a request."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from enum import Enum


class Fault(Enum):
    """`LATE` is a launch whose answer is lost and whose instance shows only after a while."""

    NONE = "none"
    TOO_MANY = "429"
    REFUSED = "500, nothing done"
    FORBIDDEN = "403, nothing done, and no use in asking again"
    SOLD_OUT = "400 to a launch, whatever was offered"
    LOST = "done, but the connection breaks"
    LOST_502 = "done, but a proxy answers 502"
    LATE = "accepted, answered by nobody, listed later"


class Faults:
    """A queue of faults: each request that it applies to takes one."""

    def __init__(self, plan: Iterable[Fault] = (), *, path: str = "") -> None:
        self._plan = deque(plan)
        self._path = path

    def next(self, path: str) -> Fault:
        """The fault of the request that has just come."""
        if self._plan and path.startswith(self._path):
            return self._plan.popleft()
        return Fault.NONE
