"""A machine that nobody bills by the minute: its lease lies on it, and ends by a program on it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from trivet.idle.node import Standing

SECONDS = 100  # less than systemd waits for a sign of life of the guard


class MachineAccount:
    """Implements `trivet.idle.account.Account`, with nobody to ask but the machine itself."""

    def __init__(self, lease_file: Path, end_program: Path) -> None:
        self._lease_file = lease_file
        self._end_program = end_program

    def look(self) -> Standing:
        """See `Account.look`."""
        lease = json.loads(self._lease_file.read_text(encoding="utf-8"))
        try:
            return Standing(str(lease["name"]), str(lease["phase"]))
        except (LookupError, TypeError) as exc:
            raise ValueError(f"{self._lease_file} is no lease") from exc

    def end(self) -> None:
        """See `Account.end`."""
        try:
            done = subprocess.run([self._end_program], stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired as exc:
            raise OSError(f"{self._end_program} does not end within {SECONDS} s") from exc
        if done.returncode != 0:
            raise OSError(f"{self._end_program} ended with {done.returncode}")
