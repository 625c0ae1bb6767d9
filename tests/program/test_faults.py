"""`kill -9` of the engine or of the provider at random moments of an `up`: the next one converges.

`TRIVET_FAULTS` says how many moments, `TRIVET_FAULT_SEED` which.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time

import pytest

from tests.program.interrupted import alive, kill_during_up, start_up
from tests.program.stack import NewStack, Stack, eventually
from trivet.cli.pulumi import Pulumi

VICTIMS = ("pulumi", "trivet.provider")
MOMENTS = int(os.environ.get("TRIVET_FAULTS", "4"))
SEED = int(os.environ.get("TRIVET_FAULT_SEED", "3"))


def test_an_up_that_is_killed_at_any_moment_is_taken_up_by_the_next(
    new_stack: NewStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = new_stack()
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    started = time.monotonic()
    stack.up()
    whole = time.monotonic() - started
    chance = random.Random(SEED)
    for moment in range(MOMENTS):
        victim = VICTIMS[moment % 2]
        if moment % 4 < 2:
            stack.destroy()
        else:
            forget(stack)
        killed = kill_during_up(stack, victim, after=chance.uniform(0, whole))
        # What `make up` does first: it knows a dead engine's lock from a living one's.
        Pulumi(stack.project, stack.name).clear_dead_lock(stack.env["PULUMI_BACKEND_URL"])
        stack.up()
        stack.require_converged()
        print(f"killed {victim} after {killed:.1f} of {whole:.1f} s: converged")
    stack.destroy()
    assert not any(stack.leftovers().values()), stack.leftovers()


def test_an_interrupted_up_ends_soon_and_is_taken_up_by_the_next(new_stack: NewStack) -> None:
    stack = new_stack()
    up = start_up(stack)
    eventually(stack.containers, seconds=60)
    up.send_signal(signal.SIGINT)
    assert up.wait(30) != 0
    eventually(lambda: not alive(stack, up.pid))
    stack.up()
    stack.require_converged()


def forget(stack: Stack) -> None:
    """Take everything off the host, so that the next `up` has all to do; Pulumi's state stays."""
    references = {each["Config"]["Image"] for each in stack.containers().values()}
    stack.wipe()
    for reference in references:
        # Another stack of the same images may run.
        subprocess.run(["docker", "image", "rm", reference], capture_output=True, check=False)
