"""Runs the command line as a user does, and sees how long it takes, how much memory and how much disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.bundle.project import ROOT

PATHS = f"{ROOT}:{ROOT / 'services' / 'gateway'}"


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    seconds: float
    resident_kib: int
    largest: int
    code: int
    output: str

    @property
    def answer(self) -> dict[str, Any]:
        """What it answered with `--json`."""
        found: dict[str, Any] = json.loads(self.output)
        return found


@dataclass
class Command:
    """`trivet bundle …`, with the environment of one user."""

    prefix: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = ROOT

    def start(self, *argv: object) -> subprocess.Popen[bytes]:
        """Begin a verb."""
        return subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "trivet.cli", "bundle", *map(str, argv), "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": PATHS, **self.environment},
        )

    def run(self, *argv: object, watch: Path | None = None) -> Ran:
        """Run a verb to its end; `watch` is a directory whose largest size on disk is noted meanwhile."""
        begin = time.perf_counter()
        process = self.start(*argv)
        watcher = _Watcher(process.pid, watch)
        watcher.start()
        output, errors = process.communicate()
        seconds = time.perf_counter() - begin
        watcher.join()
        if process.returncode not in {0, 2}:
            raise RuntimeError(errors.decode())
        return Ran(seconds, watcher.resident_kib, watcher.largest, process.returncode, output.decode())

    def done(self, *argv: object, watch: Path | None = None) -> Ran:
        """Run a verb that succeeds."""
        ran = self.run(*argv, watch=watch)
        if ran.code:
            raise RuntimeError(ran.output)
        return ran


def disk_usage(root: Path) -> int:
    """Bytes that a directory takes on disk."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                status = (Path(folder) / name).lstat()
            except FileNotFoundError:
                continue  # renamed while we look
            found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


class _Watcher(threading.Thread):
    """Looks at a process and a directory until the process has gone."""

    def __init__(self, pid: int, root: Path | None) -> None:
        super().__init__()
        self.resident_kib = 0
        self.largest = 0
        self._status = Path(f"/proc/{pid}/status")
        self._root = root

    def run(self) -> None:
        while (peak := self._peak()) is not None:
            self.resident_kib = max(self.resident_kib, peak)
            if self._root:
                self.largest = max(self.largest, disk_usage(self._root))
            time.sleep(0.05)

    def _peak(self) -> int | None:
        """The most resident memory that the process had so far, in KiB; None once it has ended."""
        try:
            lines = self._status.read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
