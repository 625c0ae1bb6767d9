"""Progress of long steps on stderr: one line that is redrawn on a terminal, plain lines where there is none."""

from __future__ import annotations

import sys
import time
from threading import Lock
from typing import Final, TextIO

REDRAW: Final = 0.2  # seconds between two drawings of the line
QUIET: Final = 10.0  # seconds between two plain lines


class Meter:
    """Bytes done, rate and time left of one step after the other."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr  # of now, and not of when this module was imported
        self._terminal = self._stream.isatty()
        self._lock = Lock()
        self._step = ""
        self._total = self._done = 0
        self._start = self._shown = 0.0

    def begin(self, step: str, total: int) -> None:
        """A step over `total` bytes begins; the one before it is done."""
        self.end()
        with self._lock:
            self._step, self._total, self._done = step, total, 0
            self._start = self._shown = time.monotonic()

    def advance(self, count: int) -> None:
        """`count` more bytes are done."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._shown >= (REDRAW if self._terminal else QUIET):
                self._shown = now
                self._show(now, last=False)

    def end(self) -> None:
        """The last step is done."""
        with self._lock:
            if self._step and self._total:
                self._show(time.monotonic(), last=True)
            self._step = ""

    def _show(self, now: float, *, last: bool) -> None:
        line = describe(self._step, self._done, self._total, now - self._start)
        if self._terminal:
            self._stream.write(f"\r{line}\x1b[K" + ("\n" if last else ""))
        else:
            self._stream.write(f"{line}\n")
        self._stream.flush()


def describe(step: str, done: int, total: int, seconds: float) -> str:
    """One line of progress: `install  1.2 GiB of 4.0 GiB (30 %)  812 MiB/s  3 s left`."""
    rate = done / seconds if seconds > 0 else 0.0
    parts = [f"{step:<8} {size(done)} of {size(total)} ({100 * done // max(1, total)} %)", f"{size(int(rate))}/s"]
    if done >= total:
        parts.append(f"{seconds:.1f} s")
    elif rate:
        parts.append(f"{clock((total - done) / rate)} left")
    return "  ".join(parts)


def size(count: int) -> str:
    """A number of bytes, as people read it."""
    value, units = float(count), iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while value >= 1024 and (larger := next(units, None)):  # noqa: PLR2004 - the binary thousand
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def clock(seconds: float) -> str:
    """A span of time, as people read it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
