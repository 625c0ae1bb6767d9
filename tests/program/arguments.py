"""The command lines of processes, which everybody on a machine may read."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

PAUSE = 0.02  # seconds between two looks


@contextlib.contextmanager
def arguments_of_every_process() -> Iterator[set[str]]:
    """Those of this machine, workstations of the lab among them, as long as it lasts."""
    seen: set[str] = set()
    over = threading.Event()

    def sample() -> None:
        while not over.wait(PAUSE):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield seen
    finally:
        over.set()
        sampler.join()
