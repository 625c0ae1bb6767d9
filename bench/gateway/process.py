"""Programs of a run: each pinned to a core, waited for, measured and ended."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

START_SECONDS = 120.0
STOP_SECONDS = 40.0


@dataclass(frozen=True)
class Program:
    """A running program."""

    process: subprocess.Popen[bytes]

    @property
    def resident_kib(self) -> int:
        """Resident memory in KiB."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError(f"process {self.process.pid} has no resident memory")

    @property
    def cpu_seconds(self) -> float:
        """Processor time, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextlib.contextmanager
def running(
    name: str, argv: Sequence[str | Path], *, core: int, port: int, log: Path, env: dict[str, str] | None = None
) -> Iterator[Program]:
    """Start a program on one core, wait until it listens, and end it after the block.

    Raises:
        RuntimeError: it ends, or does not listen in time; with the end of its log.
    """
    with (log / f"{name}.log").open("wb") as output:
        process = _start(argv, core, output, env)
        try:
            _wait(process, name, port, log)
            yield Program(process)
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _start(
    argv: Sequence[str | Path], core: int, output: IO[bytes], env: dict[str, str] | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["taskset", "-c", str(core), *map(str, argv)], stdout=output, stderr=subprocess.STDOUT, env=env
    )


def _wait(process: subprocess.Popen[bytes], name: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = (log / f"{name}.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{name} ended with {process.returncode}:\n{said}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{name} does not listen on {port} after {START_SECONDS:.0f} s")
