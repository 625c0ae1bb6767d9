"""Copies of the audit on storage that outlives the container."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path


class Copies:
    """Copies a live SQLite database, whole and consistent, whenever it has changed.

    The database itself stays on the container's own disk: a network file system does not keep SQLite's locks and
    shared memory.
    """

    def __init__(self, source: Path, target: Path) -> None:
        self._source = source
        self._target = target
        self._database: sqlite3.Connection | None = None
        self._version = -1

    def refresh(self) -> bool:
        """Copy it if it has changed since; True if that was so.

        Raises:
            sqlite3.Error, OSError: it cannot be read, or not be written there.
        """
        if self._database is None:
            if not self._source.exists():
                return False
            self._database = sqlite3.connect(f"file:{self._source}?mode=ro", uri=True)
        version: int = self._database.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return False
        draft = self._target.with_name(f".{self._target.name}.part")
        draft.unlink(missing_ok=True)
        with closing(sqlite3.connect(draft)) as copy:
            self._database.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, readable without its neighbours
        os.replace(draft, self._target)  # noqa: PTH105  # says what happens
        self._version = version
        return True

    def close(self) -> None:
        """Let go of the database."""
        if self._database is not None:
            self._database.close()
