"""The watchdog of a stack: `python3 -m trivet.supervise.watch CONFIG`, run by a systemd unit.

It looks at every server, lets the rules decide (`vigil`), restarts what hangs, and says how everything is. While
somebody works on the installation, who then holds its lock, it only looks. An update that nobody finishes is taken
back.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivet.supervise import record
from trivet.supervise.canary import Canary, Question, counters
from trivet.supervise.effort import processor_seconds
from trivet.supervise.engine import Engine, Running
from trivet.supervise.vigil import Look, Terms, Vigil

UNFINISHED = "compose.next.yaml"
ABANDONED_SECONDS = 120.0  # longer than a run needs to connect anew
SCRIPT = "supervise/stack.sh"


@dataclass
class Watched:
    """A server, and what is known of it."""

    service: str
    container: str
    question: Question
    vigil: Vigil
    canary: Canary
    restarts: int = 0
    seconds: float | None = None

    def look(self, engine: Engine, at: float) -> Running | None:
        """One more look; the container, if it runs.

        Raises:
            EngineError: the engine does not say.
        """
        found = engine.running(self.container)
        if found is None:
            self.vigil = self.vigil.step(Look(at, ""))
            return None
        if found.run != self.vigil.run:
            self.canary = Canary(self.question)
        reply = self.canary.take()
        if reply and reply.ok:
            self.seconds = reply.seconds
        now = Look(
            at=at,
            run=found.run,
            answered=reply is not None and reply.ok,
            refused=reply is not None and not reply.ok,
            counters=counters(found.address, self.question.port),
            used=processor_seconds(found.pid),
        )
        moved = self.vigil.has_moved(now) and found.run == self.vigil.run
        self.vigil = self.vigil.step(now)
        if not moved:  # its own work is proof enough, and a canary would only wait behind it
            self.canary.send(found.address)
        return found

    def standing(self, at: float) -> record.Standing:
        """How it is."""
        silent = 0.0 if self.vigil.verdict == "down" else at - self.vigil.sign
        return record.Standing(self.service, self.vigil.verdict, self.restarts, round(silent, 3), self.seconds)


@dataclass
class Surroundings:
    """Everything of the host that the watchdog touches.

    Attributes:
        root: of the installation.
        output: where heartbeat and metrics go.
        notify: tells systemd.
    """

    engine: Engine
    root: Path
    output: Path
    clock: Callable[[], float]
    notify: Callable[[str], None]
    say: Callable[[str], None]
    unfinished: float | None = None
    settling: subprocess.Popen[bytes] | None = None

    def is_worked_on(self) -> bool:
        """Somebody holds the installation's lock, or a command still runs that a run had started under it."""
        return any(_is_locked(Path(f"{self.root}.lock{commands}")) for commands in ("", ".commands"))

    def round(self, watched: list[Watched]) -> None:
        """Look at everything once, and act."""
        busy, hung = self.is_worked_on(), []
        for each in watched:
            with self.saying(each):
                if found := self.look_at(each, busy=busy):
                    hung.append((each, found))
        self.publish(watched)
        for each, found in hung:
            with self.saying(each):
                self.engine.restart(found)
        self.settle(busy=busy)

    @contextmanager
    def saying(self, each: Watched) -> Iterator[None]:
        """Say what the engine refuses; the next round tries again. Then systemd hears that we go on."""
        try:
            yield
        except OSError as exc:
            self.say(f"{each.service}: {exc}")
        self.notify("WATCHDOG=1")

    def look_at(self, each: Watched, *, busy: bool) -> Running | None:
        """Look at one server; its container, if it is to be started anew."""
        before, at = each.vigil.verdict, self.clock()
        found = each.look(self.engine, at)
        verdict = each.vigil.verdict
        if verdict != before:
            self.say(f"{each.service}: {verdict}")
        if verdict != "hung" or found is None:
            return None
        if busy:
            each.vigil = each.vigil.anew(at)
            return None
        self.say(
            f"{each.service}: no sign for {at - each.vigil.sign:.0f} s, no progress for "
            f"{at - each.vigil.progress:.0f} s: restarting it"
        )
        each.restarts += 1
        return found

    def settle(self, *, busy: bool) -> None:
        """Take back an update whose run is gone."""
        if self.settling:
            if self.settling.poll() is None:
                return
            self.say(f"the update is taken back: exit code {self.settling.returncode}")
            self.settling = self.unfinished = None
        at = self.clock()
        if busy or not (self.root / UNFINISHED).exists():
            self.unfinished = None
        elif self.unfinished is None:
            self.unfinished = at
        elif at - self.unfinished >= ABANDONED_SECONDS:
            self.say("an update was left unfinished: going back to what ran before")
            self.settling = subprocess.Popen(["/bin/sh", str(self.root / SCRIPT), "start"])

    def publish(self, watched: list[Watched]) -> None:
        """Write heartbeat and metrics."""
        standings, now = [each.standing(self.clock()) for each in watched], time.time()
        record.write(self.output / record.HEARTBEAT, record.heartbeat(now, standings))
        record.write(self.output / record.METRICS, record.metrics(now, standings))


def _is_locked(path: Path) -> bool:
    """Somebody holds the file, alone or with others."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def watched_of(config: Mapping[str, Any]) -> list[Watched]:
    """What the configuration lists."""
    terms, listed = Terms(**config["terms"]), []
    for each in config["services"]:
        question = Question(each["port"], each["path"], each["body"])
        vigil = Vigil(terms, each["start"])
        listed.append(Watched(each["service"], each["container"], question, vigil, Canary(question)))
    return listed


def notifier(path: str | None) -> Callable[[str], None]:
    """Tells systemd (sd_notify(3)), where it listens."""

    def notify(text: str) -> None:
        if path:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.sendto(text.encode(), f"\0{path[1:]}" if path.startswith("@") else path)

    return notify


def main() -> None:
    """Watch the stack that the configuration names, for ever."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    here = Surroundings(
        engine=Engine(config["engine"]),
        root=Path(config["root"]),
        output=Path(config["output"]),
        clock=time.monotonic,
        notify=notifier(os.environ.get("NOTIFY_SOCKET")),
        say=lambda line: print(line, flush=True),
    )
    watched, pause = watched_of(config), config["terms"]["look"]
    here.notify("READY=1")
    while True:
        began = time.monotonic()
        here.round(watched)
        time.sleep(max(0.0, began + pause - time.monotonic()))


if __name__ == "__main__":
    main()
