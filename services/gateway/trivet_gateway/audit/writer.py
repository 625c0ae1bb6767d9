"""The audit's one writer.

What is promised: before a request reaches a model its intent is written down, and before the last byte of any response
its row is, so neither is lost when the gateway is killed; an intent left alone becomes a row with the outcome
`interrupted` at the next start. Every second what was committed is synced to the disk: a power cut can cost the rows of
that second. When the database cannot be written, nothing is served until it can.

It writes in the event loop, not in a thread: a commit takes some 30 µs, handing it over took more than 100.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sqlite3
from collections import Counter, deque
from pathlib import Path
from typing import Final

from trivet_gateway.audit.chain import Head
from trivet_gateway.audit.entry import Entry
from trivet_gateway.audit.store import Store

SYNC_SECONDS: Final = 1.0
WITNESS_EVERY: Final = 600
BACKLOG: Final = 10_000

log = logging.getLogger(__name__)


class AuditUnavailable(Exception):  # noqa: N818  # a state, not a fault of the program
    """The audit cannot be written at present, so nothing may be served."""


class AuditWriter:
    """An open audit.

    Attributes:
        fault: why the audit cannot be written, or None.
        lost: rows given up because it could not be written for too long.
        team_rows: rows committed since the start, by team.

    Raises:
        AuditBroken: the chain cannot be continued.
        sqlite3.Error, OSError: it cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.fault: str | None = None
        self.lost = 0
        self.team_rows: Counter[str | None] = Counter()
        self._store = Store(path)
        self._kept: deque[Entry] = deque()
        self._unsynced = False
        self._stopping: asyncio.Event
        self._syncing: asyncio.Task[None]
        if self._store.interrupted:
            log.warning("%d requests were interrupted when the gateway was last killed", self._store.interrupted)
        self._log_head()

    @property
    def head(self) -> Head:
        """Number and hash of the last row committed."""
        return self._store.head

    def begin(self, entry: Entry) -> None:
        """Write down the intent of a request that is about to go to a model.

        Raises:
            AuditUnavailable: it could not be; the request must not go on.
        """
        self._require()
        self._unsynced = True
        try:
            self._store.begin(entry)
        except OSError as error:
            raise self._fail(error) from error

    def finish(self, entry: Entry) -> None:
        """Commit the row of a request that is over.

        Raises:
            AuditUnavailable: it could not be committed; the response must not be completed.
        """
        self._require()
        try:
            self._append(entry)
        except sqlite3.Error as error:
            raise self._fail(error) from error

    def keep(self, entry: Entry) -> None:
        """Take the row of a request that is over and could not be recorded; it is written as soon as it can be."""
        if len(self._kept) < BACKLOG:
            self._kept.append(entry)
        else:
            self.lost += 1

    def start(self) -> None:
        """Begin to sync."""
        self._stopping = asyncio.Event()
        self._syncing = asyncio.create_task(self._sync())

    async def stop(self) -> None:
        """Write what was kept, sync, and close the database."""
        self._stopping.set()
        await self._syncing
        try:
            self._recover()
        except sqlite3.Error as error:
            self._fail(error)
            log.critical("%d rows are lost", self.lost + len(self._kept))
        self._store.close()
        self._log_head()

    async def _sync(self) -> None:
        """Sync every second, and find out when a fault is over; say where the chain is, now and then."""
        witnessed = self.head
        for second in itertools.count(1):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), SYNC_SECONDS)
            if self._stopping.is_set():
                return
            try:
                if self.fault is not None or self._kept:
                    self._recover()
                if self._unsynced:
                    self._unsynced = False
                    await asyncio.to_thread(self._store.sync)
                    self._store.shrink()
            except (sqlite3.Error, OSError) as error:
                self._fail(error)
            if second % WITNESS_EVERY == 0 and self.head != witnessed:
                witnessed = self._log_head()

    def _log_head(self) -> Head:
        """Logs kept elsewhere then show whether the chain was written anew."""
        log.info("the audit's head is %s", self.head)
        return self.head

    def _append(self, entry: Entry) -> None:
        self._unsynced = True
        self._store.finish(entry)
        self.team_rows[entry.team] += 1

    def _require(self) -> None:
        if self.fault is not None:
            raise AuditUnavailable(self.fault)

    def _fail(self, error: Exception) -> AuditUnavailable:
        if self.fault is None:
            log.error("the audit cannot be written: %s; nothing is served until it can be", error)
        self.fault = f"the audit cannot be written: {error}"
        return AuditUnavailable(self.fault)

    def _recover(self) -> None:
        self._store.probe()
        while self._kept:
            self._append(self._kept[0])
            self._kept.popleft()
        if self.fault is not None:
            log.warning("the audit can be written again; rows lost so far: %d", self.lost)
            self.fault = None
