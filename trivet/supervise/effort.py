"""Processor time of a process and all that descend from it, as Linux counts it (proc_pid_stat(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
PARENT, USER_TIME, SYSTEM_TIME = 1, 11, 12  # fields behind the name, from 0


def processor_seconds(pid: int, proc: Path = PROC) -> float | None:
    """Seconds; None where there is no such process.

    What the engine runs beside it in the same container, such as health checks, is nobody's child there, and not
    counted.
    """
    found = dict(_processes(proc))
    if pid not in found:
        return None
    children: dict[int, list[int]] = {}
    for each, (parent, _) in found.items():
        children.setdefault(parent, []).append(each)
    ticks, left = 0, [pid]
    while left:
        each = left.pop()
        ticks += found[each][1]
        left += children.get(each, ())
    return ticks / os.sysconf("SC_CLK_TCK")


def _processes(proc: Path) -> Iterator[tuple[int, tuple[int, int]]]:
    """Every process: its number, its parent's, its clock ticks."""
    for directory in proc.iterdir():
        if directory.name.isdigit():
            try:
                text = (directory / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:  # it has ended meanwhile
                continue
            fields = text.rpartition(")")[2].split()  # a name may hold anything
            yield int(directory.name), (int(fields[PARENT]), int(fields[USER_TIME]) + int(fields[SYSTEM_TIME]))
