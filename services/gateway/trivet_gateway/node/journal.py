"""The audit's rows in the container's log, where that outlives the container and its disk does not."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TextIO


class Journal:
    """Writes each row once, as a line of JSON with the chain's hash in it."""

    def __init__(self, source: Path, log: TextIO) -> None:
        self._source = source
        self._log = log
        self._database: sqlite3.Connection | None = None
        self._last = 0

    def refresh(self) -> bool:
        """Write what came since; True if there was something.

        Raises:
            sqlite3.Error, OSError: the audit cannot be read, or the log not be written.
        """
        if self._database is None:
            if not self._source.exists():
                return False
            self._database = sqlite3.connect(f"file:{self._source}?mode=ro", uri=True)
            self._database.row_factory = sqlite3.Row
        before = self._last
        for row in self._database.execute("SELECT * FROM audit WHERE seq > ? ORDER BY seq", (before,)):
            self._log.write(json.dumps({"audit": dict(row)}) + "\n")
            self._last = row["seq"]
        self._log.flush()
        return self._last > before

    def close(self) -> None:
        """Let go of the database."""
        if self._database is not None:
            self._database.close()
