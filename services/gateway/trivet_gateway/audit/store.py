"""The audit's files as their one writer sees them.

A commit is a write into the system's page cache, some 30 µs: it outlives this process, however that ends. `sync`
carries what was committed to the disk, so that it outlives a power cut as well.
"""

from __future__ import annotations

import os
import sqlite3
from operator import attrgetter
from pathlib import Path
from typing import Final

from trivet_gateway.audit.chain import COLUMNS, EMPTY, Head, link
from trivet_gateway.audit.entry import Entry
from trivet_gateway.audit.intents import Intent, Intents, path_of
from trivet_gateway.audit.schema import INSERT_ROW, SCHEMA, SELECT_HEAD, SELECT_LAST, VERSION

PAGE_BYTES: Final = 1024
"""A commit writes whole pages: small ones, for rows are small."""
LOG_BYTES: Final = 32 << 20
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
        self._db = _connect(path)
        self._syncing = _connect(path)
        self.head, last = self._open(path)
        self._intents = Intents(path_of(path))
        self.interrupted = self._end_interrupted(last)

    def begin(self, entry: Entry) -> None:
        """Write down the intent of a request.

        Raises:
            OSError: it was not written.
        """
        entry.slot = self._intents.begin(entry)

    def finish(self, entry: Entry) -> None:
        """Commit the row of a finished request with the new head, and end its intent.

        Raises:
            sqlite3.Error: nothing was written.
        """
        row = (self.head.seq + 1, *VALUES(entry))
        digest = link(self.head.hash, row)
        self._db.execute(INSERT_ROW, (*row, digest))
        self.head = Head(row[0], digest)
        if entry.slot is not None:
            self._intents.end(entry.slot)

    def probe(self) -> None:
        """Write nothing new, but as a row is written: it fails where a row would.

        Raises:
            sqlite3.Error: the database cannot be written.
        """
        self._db.execute("UPDATE head SET seq = seq")

    def sync(self) -> None:
        """Carry what was committed to the disk. Slow, and made to run in a thread while others write.

        Raises:
            sqlite3.Error, OSError: it could not be.
        """
        self._intents.sync()
        self._syncing.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def shrink(self) -> None:
        """Begin the write-ahead log anew once it is long. Short right after `sync`, which leaves little to carry over.

        Raises:
            sqlite3.Error: it could not be carried over.
        """
        if self._log.stat().st_size > LOG_BYTES:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Carry everything to the disk and close; the write-ahead log is gone after it."""
        self._intents.close()
        self._syncing.close()
        self._db.close()

    def _open(self, path: Path) -> tuple[Head, Intent | None]:
        """The head, and the intent that the last row had."""
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            self._db.executescript(SCHEMA)
        elif version != VERSION:
            raise AuditBroken(f"{path} is no audit database of version {VERSION}; move it away, or set audit.path")
        kept = Head(*self._db.execute(SELECT_HEAD).fetchone())
        last = self._db.execute(SELECT_LAST).fetchone()
        if kept != (Head(last[0], last[-1]) if last else EMPTY):
            raise AuditBroken(
                f"{path}: the last row and the record of the chain's head disagree; run `trivet audit verify {path}`, "
                "keep the file as evidence, and move it away to start a new chain"
            )
        row = dict(zip(COLUMNS, last, strict=False)) if last else {}
        return kept, Intent(**{name: row[name] for name in Intent.__slots__}) if row else None

    def _end_interrupted(self, last: Intent | None) -> int:
        """Give rows to the requests that a killed process left on their way.

        A row and the end of its intent are two writes, one right after the other: only the last row's intent can be
        among those that are left.
        """
        interrupted = 0
        for slot, intent in self._intents.left.items():
            if intent == last:
                self._intents.end(slot)
                continue
            entry = intent.entry()
            entry.slot = slot
            self.finish(entry)
            interrupted += 1
        return interrupted


def _connect(path: Path) -> sqlite3.Connection:
    # No time-out: there is one writer, and a second one is a fault to be seen.
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    db.execute(f"PRAGMA page_size={PAGE_BYTES}")
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("PRAGMA wal_autocheckpoint=0")
    return db
