"""Whether anything new is admitted: not once the gateway stops, and not while a file beside its configuration says so.

The file is for what is about to take the node away (`trivet.idle.guard`, or an operator): it needs no restart, and
removing it takes the request back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

FILE: Final = "draining"
LOOK_SECONDS: Final = 0.25
"""Between two looks at the file: a request must not cost a system call."""

log = logging.getLogger(__name__)


class Drain:
    """What refuses: the gateway's own end, or the file.

    Attributes:
        stopping: the gateway itself ends; nothing takes that back.
    """

    def __init__(self, source: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the file that the configuration was read from; without one nobody but `stopping` drains."""
        self.stopping = False
        self._file = source and source.with_name(FILE)
        self._clock = clock
        self._asked = False
        self._look_at = clock()

    @property
    def is_on(self) -> bool:
        """True while nothing new is admitted."""
        if self._file is not None and (now := self._clock()) >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._look(self._file)
        return self.stopping or self._asked

    def _look(self, file: Path) -> None:
        asked = file.exists()
        if asked != self._asked:
            log.warning("%s is %s", file, "there: draining" if asked else "gone: serving")
        self._asked = asked
