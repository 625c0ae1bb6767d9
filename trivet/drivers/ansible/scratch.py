"""The directory of one play: its variables, secrets among them, and the connection that its tasks share.

Whoever plays holds a lock on it, and so does ansible-runner; the lock ends with both, however they end. So what a play
that was killed has left behind is told from what another one uses, and the next play takes it away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet.drivers.ansible.inventory import CONTROL

PREFIX: Final = "tv-"


@dataclass(frozen=True)
class Scratch:
    """A directory that only we may read. `lock`: descriptor that its users inherit."""

    directory: Path
    lock: int


@contextlib.contextmanager
def scratch() -> Iterator[Scratch]:
    """A new directory, gone afterwards with those that nobody uses any more."""
    sweep()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(directory, os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (directory / CONTROL).mkdir(mode=0o700)
        yield Scratch(directory, lock)
    finally:
        _end(directory)
        os.close(lock)


def sweep() -> None:
    """Take away what plays that were killed have left behind."""
    # One that is being made is not locked yet and has no CONTROL yet.
    for control in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{CONTROL}"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            if control.lstat().st_uid == os.geteuid():
                _end_if_free(control.parent)


def _end_if_free(directory: Path) -> None:
    lock = os.open(directory, os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _end(directory)
    finally:
        os.close(lock)


def _end(directory: Path) -> None:
    """Hang up the shared connection too; it would stay for a minute."""
    for socket in (directory / CONTROL).glob("*"):
        argv = ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "-"]
        subprocess.run(argv, check=False, capture_output=True, stdin=subprocess.DEVNULL, timeout=10)
    shutil.rmtree(directory, ignore_errors=True)
