"""Processor time of a process and its descendants."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from trivet.supervise.effort import processor_seconds


def process(proc: Path, pid: int, parent: int, ticks: int, name: str = "server") -> None:
    (proc / f"{pid}").mkdir(parents=True)
    fields = ["S", f"{parent}", *["0"] * 9, f"{ticks}", f"{ticks}", *["0"] * 30]
    (proc / f"{pid}" / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")


def test_children_count_and_neighbours_do_not(tmp_path: Path) -> None:
    second = os.sysconf("SC_CLK_TCK")
    process(tmp_path, 7, 1, second)
    process(tmp_path, 8, 7, second, name="a ) b (")
    process(tmp_path, 9, 8, second)
    process(tmp_path, 10, 1, second)  # a health check, which the engine runs beside it
    (tmp_path / "meminfo").write_text("")
    assert processor_seconds(7, tmp_path) == 6.0
    assert processor_seconds(11, tmp_path) is None


def test_a_real_process_that_works_is_seen_to() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        before = now = processor_seconds(busy.pid) or 0.0
        while now - before < 0.1:
            now = processor_seconds(busy.pid) or 0.0
        busy.kill()
    assert now > before
