"""SIGKILL of Pulumi, of sshd or of the host at random moments of bootstrap and install: the next `up` converges.

`TRIVET_FAULTS` says how many moments, `TRIVET_FAULT_SEED` which.
"""

from __future__ import annotations

import math
import os
import random
import time
from pathlib import Path

import pytest

from tests.host.conftest import CACHE, lab
from tests.host.stack import RemoteStack
from tests.program.interrupted import break_during_up, kill_during_up
from tools.lab.engine import docker
from tools.lab.workstation import boot
from trivet.cli.pulumi import Pulumi

MOMENTS = int(os.environ.get("TRIVET_FAULTS", "1"))
SEED = int(os.environ.get("TRIVET_FAULT_SEED", "5"))
VICTIMS = ("pulumi", "sshd", "host")
ENDING_SECONDS = 300


def test_an_up_of_a_bare_host_that_is_cut_at_any_moment_is_taken_up_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(SEED)
    whole: list[float] = []  # seconds of those that were cut and of the next together: at least a whole one's
    for moment in range(MOMENTS):
        with lab() as label:
            host = boot(1, variant="bare", label=label, state=tmp_path / "key", cache=CACHE, say=print)[0]
            project = tmp_path / str(moment)
            project.mkdir()
            stack = RemoteStack(project, host, as_root=True, settings={"workstation": {}})
            for name, value in stack.env.items():
                monkeypatch.setenv(name, value)
            victim = VICTIMS[moment % len(VICTIMS)]
            cut = _cut(stack, victim, after=chance.uniform(1, min(whole, default=60)))
            # What `make up` does first: it knows a dead engine's lock from a living one's.
            Pulumi(stack.project, stack.name).clear_dead_lock(stack.env["PULUMI_BACKEND_URL"])
            began = time.monotonic()
            stack.up()
            took = time.monotonic() - began
            stack.require_converged()
            print(f"killed {victim} after {cut:.1f} s: converged in {took:.1f} s")
            whole += [cut + took] if cut < math.inf else []
            stack.destroy()
            left = stack.leftovers()
            stack.wipe()
            assert not any(each for kind, each in left.items()), left


def _cut(stack: RemoteStack, victim: str, *, after: float) -> float:
    host = stack.workstation
    if victim == "pulumi":
        return kill_during_up(stack, victim, after=after)

    def cut(_leader: int) -> bool:
        if victim == "sshd":
            host.sh("pkill -KILL sshd")
        else:
            docker("restart", "--time", "0", host.name)
        return True

    cut_at = break_during_up(stack, cut, after=after, seconds=ENDING_SECONDS)
    assert host.ready().address == host.address, "another workstation was booted at that moment and took its address"
    return cut_at
