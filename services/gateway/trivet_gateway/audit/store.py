"""The audit's files as their one writer sees them. Blocking, but for `begin`.

A commit is a write into the system's page cache: it outlives this process, however that ends. `sync` carries what was
committed to the disk, so that it outlives a power cut as well.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final

from trivet_gateway.audit.chain import COLUMNS, EMPTY, Head, link
from trivet_gateway.audit.entry import Entry
from trivet_gateway.audit.intents import Intent, Intents, path_of
from trivet_gateway.audit.schema import INSERT_ROW, SCHEMA, SELECT_HEAD, SELECT_LAST, SELECT_LAST_INTENTS, VERSION

BATCH: Final = 128
"""Rows that are committed together at most."""
PAGE_BYTES: Final = 1024
"""A commit writes whole pages: small ones, for rows are small."""
VALUES = attrgetter(*COLUMNS[1:])


class AuditBroken(Exception):  # noqa: N818  # a finding, not a fault of the program
    """The database is no audit, or its chain cannot be continued."""


class Store:
    """An open audit, made if it was missing.

    Attributes:
        head: number and hash of the last row committed.
        interrupted: requests that a killed process had left on their way; they were given their rows.

    Raises:
        AuditBroken: the file is no audit of this version, or its head and its last row disagree.
        sqlite3.Error, OSError: it cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self._log = path.with_name(f"{path.name}-wal")
        os.close(os.open(path, os.O_CREAT, 0o600))  # who asks what, and when, is nobody else's
        with contextlib.ExitStack() as opened:
            self._db = _connect(path)
            opened.callback(self._db.close)
            self.head = self._open(path)
            self._intents = Intents(path_of(path))
            opened.callback(self._intents.close)
            self.interrupted = self._end_interrupted(self._last_intents())
            self._opened = opened.pop_all()

    def begin(self, entry: Entry) -> None:
        """Write down the intent of a request; may be called while another thread is in any other method.

        Raises:
            OSError: it was not written.
        """
        entry.slot = self._intents.begin(entry)

    def append(self, entries: Sequence[Entry]) -> None:
        """Commit the rows of finished requests with the new head, all or none, and end their intents.

        Raises:
            sqlite3.Error: nothing was written.
        """
        head = self.head
        with self._db:  # commits, or rolls back
            self._db.execute("BEGIN IMMEDIATE")
            for entry in entries:
                row = (head.seq + 1, *VALUES(entry))
                head = Head(head.seq + 1, link(head.hash, row))
                self._db.execute(INSERT_ROW, (*row, head.hash))
        self.head = head
        for entry in entries:
            if entry.slot is not None:
                self._intents.end(entry.slot)

    def probe(self) -> None:
        """Write nothing new, but as a row is written: it fails where a row would.

        Raises:
            sqlite3.Error: the database cannot be written.
        """
        self._db.execute("UPDATE head SET seq = seq")

    def sync(self) -> None:
        """Carry what was committed to the disk, and the write-ahead log into the database, so that it begins anew.

        Raises:
            sqlite3.Error, OSError: it could not be.
        """
        self._intents.sync()
        log = os.open(self._log, os.O_RDONLY)  # the checkpoint does not sync it while a reader is in its way
        try:
            os.fdatasync(log)
        finally:
            os.close(log)
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Carry everything to the disk and close; the write-ahead log is gone after it."""
        self._opened.close()

    def _open(self, path: Path) -> Head:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            self._db.executescript(SCHEMA)
        elif version != VERSION:
            raise AuditBroken(f"{path} is no audit database of version {VERSION}; move it away, or set audit.path")
        kept = Head(*self._db.execute(SELECT_HEAD).fetchone())
        last = self._db.execute(SELECT_LAST).fetchone()
        if kept != (Head(*last) if last else EMPTY):
            raise AuditBroken(
                f"{path}: the last row and the record of the chain's head disagree; run `trivet audit verify {path}`, "
                "keep the file as evidence, and move it away to start a new chain"
            )
        return kept

    def _last_intents(self) -> set[Intent]:
        """The intents that the rows of the last batch had."""
        return {Intent(*row) for row in self._db.execute(SELECT_LAST_INTENTS, [BATCH])}

    def _end_interrupted(self, recorded: set[Intent]) -> int:
        """Give rows to the requests that a killed process left on their way.

        Rows are committed first and their intents end after that, so the last rows' intents may be among them.
        """
        interrupted = []
        for slot, intent in self._intents.left.items():
            if intent in recorded:
                self._intents.end(slot)
            else:
                interrupted.append(intent.entry(slot))
        self.append(interrupted)
        return len(interrupted)


def _connect(path: Path) -> sqlite3.Connection:
    # No time-out: there is one writer, and a second one is a fault to be seen.
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    db.execute(f"PRAGMA page_size={PAGE_BYTES}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("PRAGMA wal_autocheckpoint=0")
    return db
