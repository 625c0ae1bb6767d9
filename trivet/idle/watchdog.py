"""When a node ends itself: a state machine without I/O, one step a poll.

Whichever comes first:

1. Its life is over (`Charter.deadline`), by the wall clock or by its own uptime, whatever the traffic. What is new is
   refused shortly before, so that what is in flight can end.
2. It is unhealthy: the provider says so, or that it still boots after half an hour; it was never ready within `setup`,
   or cannot be read any more for longer than `grace`.
3. It was idle for `window`, and nobody holds it; what is new is refused, it is read once more, and if anything went on
   meanwhile it goes on as if nothing had been. Nothing is refused for idleness where nobody who could end the node has
   answered yet; and an end for idleness that does not come within `grace` is let go: the node serves, and the window
   begins anew, with the next answer at the earliest. What it is ill of, or its age, does not go away: that end stays.

The lease: a hold keeps an idle node alive only while the control side is heard of. Out of touch for longer than
`lease`, the node ends when it is idle, held or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from trivet.idle.activity import Activity
from trivet.idle.charter import BOOT_SECONDS, Charter
from trivet.idle.metrics import Reading
from trivet.idle.node import Standing

Command = Literal["serve", "drain", "end"]


@dataclass(frozen=True)
class Terms:
    """Seconds. `drain`: how long before the end of its life a node begins to refuse."""

    window: int = 20 * 60
    poll: int = 30
    grace: int = 15 * 60
    setup: int = 90 * 60
    lease: int = 30 * 60
    drain: int = 2 * 60


@dataclass(frozen=True)
class Tick:
    """What a poll finds.

    Attributes:
        uptime: seconds since the watchdog was armed, on a clock that nobody sets.
        now: seconds since 1970.
        reading: of the metrics; None where they cannot be read.
        standing: how the node stands with its provider, as far as that was heard of just now, else None.
    """

    uptime: float
    now: float
    reading: Reading | None
    standing: Standing | None


@dataclass(frozen=True)
class Watchdog:
    """The state. `step` makes the next one; `command` is what has to be done now, again and again until it is done.

    Attributes:
        draining: why what is new is being refused; empty while it is not.
        why: the reason of the command.
        within_reach: whoever could end the node has answered, since it was armed or since an idle end was let go.
        idle_from: no idle window begins before.
        asked: when the end was first asked for, for idleness.
    """

    charter: Charter
    terms: Terms
    activity: Activity = field(default_factory=lambda: Activity(last=0.0))
    name: str = ""
    heard: float = 0.0
    command: Command = "serve"
    draining: str = ""
    why: str = ""
    within_reach: bool = False
    idle_from: float = 0.0
    asked: float | None = None

    def step(self, tick: Tick) -> Watchdog:
        """Decide, given one more poll. Once it ends, it ends; for idleness, only if that comes to pass."""
        seen = replace(self, activity=self.activity.observe(tick.uptime, tick.reading))
        if tick.standing is not None:
            seen = replace(seen, name=tick.standing.name, heard=tick.uptime, within_reach=True)
        if self.command == "end":
            if self.asked is None or tick.uptime - self.asked < self.terms.grace:
                return seen
            seen = replace(seen, within_reach=False, idle_from=tick.uptime, asked=None, draining="")
        return seen.decide(tick)

    def decide(self, tick: Tick) -> Watchdog:
        """The rules, on what is known with this poll."""
        left = self.life_left(tick)
        if left <= 0:
            return self._end("its time to live is over")
        if ill := self._illness(tick):
            return self._end(ill)
        if left <= self.terms.drain:
            why = "its time to live is nearly over"
            return self._end(why) if self.draining and self.activity.is_quiet else self._drain(why)
        if not self._may_end_idle(tick):
            return replace(self, command="serve", draining="", why="")
        why = f"idle for {self.terms.window} s"
        # Only the reading after the one that began to drain can tell that nothing slipped in between.
        return replace(self._end(why), asked=tick.uptime) if self.draining else self._drain(why)

    def life_left(self, tick: Tick) -> float:
        """Seconds; by the clock that has run further, so that neither a wrong one nor a stopped one prolongs it."""
        return self.charter.deadline(self.name) - self.charter.launched_at - self._age(tick)

    def _age(self, tick: Tick) -> float:
        return max(tick.now - self.charter.launched_at, tick.uptime)

    def _may_end_idle(self, tick: Tick) -> bool:
        in_touch = tick.uptime - self.heard <= self.terms.lease
        held = in_touch and self.charter.held_until(self.name) > tick.now
        idle = min(self.activity.idle_for(tick.uptime), tick.uptime - self.idle_from)
        return self.within_reach and not held and idle >= self.terms.window

    def _illness(self, tick: Tick) -> str:
        phase = tick.standing.phase if tick.standing else ""
        if phase == "unhealthy":
            return "the provider says that it is unhealthy"
        if phase == "booting" and self._age(tick) >= BOOT_SECONDS:
            return "it did not become active in time"
        if self.activity.seen is None:
            return f"not ready within {self.terms.setup} s" if tick.uptime >= self.terms.setup else ""
        blind = self.activity.blind_for(tick.uptime)
        return f"unreadable for {self.terms.grace} s" if blind >= self.terms.grace else ""

    def _drain(self, why: str) -> Watchdog:
        return replace(self, command="drain", draining=why, why=why)

    def _end(self, why: str) -> Watchdog:
        return replace(self, command="end", why=why)
