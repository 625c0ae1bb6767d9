"""`make bench-fleet`: the stack on one workstation of the lab, then on many at once, and what the time went to."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.table import Bar, bars_table, table
from bench.scratch import ROOT, scratch
from tests.host.fleet import Fleet
from tools.lab.workstation import boot, remove
from trivet.cli.progress import say

SLOWER = 2.0  # times as long as one
BUSY = 0.9  # of all cores, from which on they are what many hosts wait for
TICKS = os.sysconf("SC_CLK_TCK")
WIRE = Path("/sys/class/net/docker0/statistics/tx_bytes")


@dataclass(frozen=True)
class Seen:
    """An `up`. In seconds: its time, the processors' of this machine, the operator's part of these. Bytes sent."""

    hosts: int
    wall: float
    cpu: float
    operator: float
    sent: int

    @property
    def busy(self) -> float:
        """The share of this machine's processors that was in use."""
        return self.cpu / self.wall / (os.cpu_count() or 1)


def main() -> None:
    """Measure, print, and end with an error if the bar is not met."""
    parser = argparse.ArgumentParser(description="A first up of many hosts at once, beside that of one.")
    parser.add_argument("--hosts", type=int, default=8, help="how many; each takes half a gigabyte of memory")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}\n")
    with scratch("fleet") as folder:
        one, many = (_up(count, folder) for count in (1, args.hosts))
    rows = [
        [
            str(each.hosts),
            f"{each.wall:.1f}",
            f"{each.wall / one.wall:.1f}",
            f"{each.busy:.0%}",
            f"{each.operator:.1f}",
            f"{each.sent / 1e6:.0f}",
        ]
        for each in (one, many)
    ]
    print(table(["hosts", "seconds", "of one", "cores busy", "operator's CPU, s", "MB sent"], rows))
    limit = max(one.wall, many.operator / (os.cpu_count() or 1))
    print(f"\nlimit, were each host a machine of its own: {limit:.1f} s, {limit / one.wall:.1f} of one\n")
    seen = f"{many.wall / one.wall:.1f} times, cores {many.busy:.0%} busy"
    is_met = many.wall <= SLOWER * one.wall or many.busy >= BUSY
    bar = Bar(f"{many.hosts} hosts at once", f"≤{SLOWER:g} times one, or no core to spare", seen, is_met)
    print(bars_table([bar]))
    if not is_met:
        raise SystemExit(1)


def _up(count: int, folder: Path) -> Seen:
    label, project = f"lab-bench-{os.getpid()}", folder / str(count)
    project.mkdir()
    cache = ROOT / ".trivet" / "cache" / "lab"
    try:
        hosts = boot(count, variant="workstation", label=label, state=folder / "key", cache=cache, say=say)
        stack = Fleet(project, hosts, max_unavailable=count)
        begun = time.perf_counter(), _machine(), _operator(), int(WIRE.read_text())
        stack.up()
        ended = time.perf_counter(), _machine(), _operator(), int(WIRE.read_text())
        wall, cpu, operator, sent = (after - before for before, after in zip(begun, ended, strict=True))
        return Seen(count, wall, cpu, operator, int(sent))
    finally:
        remove(label)


def _machine() -> float:
    """Seconds that this machine's processors have worked: all but idle and waiting for a disk (proc(5))."""
    user, nice, system, _, _, *interrupts = map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / TICKS


def _operator() -> float:
    """Seconds of processors that Pulumi, the provider and its `ssh` have used so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
