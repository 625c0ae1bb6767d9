"""Does a server hang? Rules without I/O, one step a look; a busy server is not a hung one.

Signs of life, the strong before the weak:

1. *Progress*: it answered the canary (one token), or a counter of its metrics moved: tokens, decoding steps, requests.
2. *Effort*: it used processor time, or refused the canary. A long step, such as a long prompt on a slow processor,
   shows nothing else: the server then answers nobody until it is over.

A server hangs when it has given no sign for `patience`, or no progress for `step` however much it works. Until it has
first made progress it is starting, and has its time for that; each start in vain doubles the time of the next. After a
gap between two looks (the machine slept, or the watchdog got no processor) everything counts anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Verdict = Literal["well", "starting", "hung", "down"]


@dataclass(frozen=True)
class Terms:
    """Seconds, but `effort`, in processor cores. `longest`: what the time for a start is doubled to at the most."""

    look: float = 4.0
    patience: float = 17.0
    step: float = 300.0
    longest: float = 3600.0
    effort: float = 0.1
    gap: float = 20.0


@dataclass(frozen=True)
class Look:
    """What a look finds.

    Attributes:
        at: seconds, on a clock that nobody sets.
        run: another one after every start of the container; empty while it does not run.
        answered: the canary was answered since the look before.
        refused: it was refused.
        counters: of the server's metrics; None where they cannot be read.
        used: seconds of processor time since the start; None where that is not known.
    """

    at: float
    run: str
    answered: bool = False
    refused: bool = False
    counters: Mapping[str, float] | None = None
    used: float | None = None


@dataclass(frozen=True)
class Vigil:
    """The state. `step` makes the next one; `verdict` is what is to be thought of the server now.

    Attributes:
        start: seconds that it may take from its start to its first progress.
        since: from when on its time to start counts.
        progress: when it last made progress; sign: when it last gave any sign.
        proven: it has made progress in this run.
        vain: runs in a row, before this one, that were found hung.
    """

    terms: Terms
    start: float
    run: str = ""
    since: float = 0.0
    progress: float = 0.0
    sign: float = 0.0
    proven: bool = False
    vain: int = 0
    verdict: Verdict = "down"
    last: Look = field(default_factory=lambda: Look(0.0, ""))

    def step(self, look: Look) -> Vigil:
        """Decide, given one more look."""
        if not look.run:
            return replace(self, run="", verdict="down", last=look)
        if look.run != self.run:
            vain = self.vain + (self.verdict == "hung" and not self.proven)
            fresh = replace(self, run=look.run, proven=False, vain=vain, last=Look(look.at, look.run))
            return fresh.anew(look.at).decide(look)
        seen = self.anew(look.at) if look.at - self.last.at > self.terms.gap else self
        if look.answered or self.has_moved(look):
            seen = replace(seen, progress=look.at, sign=look.at, proven=True, vain=0)
        elif look.refused or self.has_worked(look):
            seen = replace(seen, sign=look.at)
        return seen.decide(look)

    def anew(self, at: float) -> Vigil:
        """Let nothing count that was before."""
        return replace(self, since=at, progress=at, sign=at)

    def decide(self, look: Look) -> Vigil:
        """The rules, on what is known with this look."""
        # One that could not read the counters must not hide that they moved meanwhile.
        counters = look.counters if look.counters is not None else self.last.counters
        last = replace(look, counters=counters)
        silent = look.at - self.sign >= self.terms.patience or look.at - self.progress >= self.terms.step
        if self.proven:
            return replace(self, verdict="hung" if silent else "well", last=last)
        overdue = look.at - self.since >= self.allowance
        return replace(self, verdict="hung" if silent and overdue else "starting", last=last)

    @property
    def allowance(self) -> float:
        """Seconds that this run has until its first progress."""
        doubled: float = self.start * 2**self.vain
        return max(self.start, min(doubled, self.terms.longest))

    def has_moved(self, look: Look) -> bool:
        """A counter went on. One that went back is another server's: that is no progress of this one."""
        before, now = self.last.counters, look.counters
        return before is not None and now is not None and any(now[key] > before.get(key, 0.0) for key in now)

    def has_worked(self, look: Look) -> bool:
        """It had the processor for a notable part of the time since the look before."""
        if look.used is None or self.last.used is None or look.at <= self.last.at:
            return False
        return (look.used - self.last.used) / (look.at - self.last.at) >= self.terms.effort
