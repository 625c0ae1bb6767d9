"""An `up` that something happens to."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.program.stack import Stack, eventually


def start_up(stack: Stack) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=stack.project,
        env=stack.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_during_up(stack: Stack, victim: str, *, after: float) -> float:
    """Start an `up` and kill the victim some seconds later; return after how many. Nothing of the run may live on."""

    def kill(leader: int) -> bool:
        victims = [pid for pid, words in alive(stack, leader).items() if victim in words]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        return bool(victims)

    return break_during_up(stack, kill, after=after, seconds=120)


def break_during_up(stack: Stack, harm: Callable[[int], bool], *, after: float, seconds: float) -> float:
    """Start an `up` and do harm some seconds later; return after how many: infinitely many where it ended before.

    Nothing of the run may live on.

    Args:
        stack: whose.
        harm: takes the leader of the run's session; False where there was nothing to be harmed yet.
        after: seconds.
        seconds: that the run may take to end, and what it had started on the host.
    """
    up = start_up(stack)
    started = time.monotonic()
    time.sleep(after)
    harmed = math.inf
    while harmed == math.inf and up.poll() is None:
        if harm(up.pid):
            harmed = time.monotonic() - started
        time.sleep(0.02)
    up.wait(seconds)
    eventually(lambda: not alive(stack, up.pid), seconds=seconds)
    return harmed


def alive(stack: Stack, leader: int) -> dict[int, list[str]]:
    """Command lines of the processes of a run: of its session, and those it started that name the stack's project."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            words = stat.with_name("cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z" and (int(fields[3]) == leader or stack.compose_project in words):
            found[int(stat.parent.name)] = words
    return found
