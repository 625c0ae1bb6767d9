"""The audit's one writer: a thread that commits what has gathered, and the requests that wait for it.

What is promised: before a request reaches a model its intent is written down, and before the last byte of any response
its row is committed, so neither is lost when the gateway is killed; an intent left alone becomes a row with the outcome
`interrupted` at the next start. Every second what was committed is synced to the disk: a power cut can cost the rows of
that second. When the database cannot be written, nothing is served until it can.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet_gateway.audit.chain import Head
from trivet_gateway.audit.entry import Entry
from trivet_gateway.audit.store import BATCH, Store

SYNC_SECONDS: Final = 1.0
WITNESS_SECONDS: Final = 600.0
BACKLOG: Final = 10_000

log = logging.getLogger(__name__)


class AuditUnavailable(Exception):  # noqa: N818  # a state, not a fault of the program
    """The audit cannot be written at present, so nothing may be served."""


@dataclass(slots=True)
class Job:
    """A row to write, and who waits for it."""

    entry: Entry
    waiter: asyncio.Future[None] | None = None

    @property
    def awaited(self) -> bool:
        """Somebody still waits for it."""
        return self.waiter is not None and not self.waiter.done()


class AuditWriter:
    """An open audit. Rows are written in the order in which they are handed over.

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
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._kept: deque[Job] = deque()
        self._unsynced = False
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        if self._store.interrupted:
            log.warning("%d requests were interrupted when the gateway was last killed", self._store.interrupted)
        self._log_head()
        self._thread.start()

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
        try:
            self._store.begin(entry)
        except OSError as error:
            raise AuditUnavailable(f"the intent of a request cannot be written: {error}") from error

    async def finish(self, entry: Entry) -> None:
        """Commit the row of a request that is over.

        Raises:
            AuditUnavailable: it could not be committed; the response must not be completed.
        """
        self._require()
        waiter = self._loop.create_future()
        self._jobs.put(Job(entry, waiter))
        await waiter

    def keep(self, entry: Entry) -> None:
        """Take the row of a request whose response nobody waits for; it is written as soon as it can be."""
        self._jobs.put(Job(entry))

    async def stop(self) -> None:
        """Write what was handed over, sync, and close the database."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._store.close()
        self._log_head()

    def _require(self) -> None:
        if self.fault is not None:
            raise AuditUnavailable(self.fault)

    def _run(self) -> None:
        """The thread. Whatever ends it, nobody waits for it any longer."""
        more, synced, witnessed = True, time.monotonic(), time.monotonic()
        try:
            while more or (self._kept and self.fault is None):
                more = self._gather()
                self._write([*itertools.islice(self._kept, BATCH)])
                now = time.monotonic()
                if self._unsynced and now - synced >= SYNC_SECONDS:
                    synced = now
                    self._sync()
                if now - witnessed >= WITNESS_SECONDS:
                    witnessed = now
                    self._log_head()
        finally:
            if more:
                self._fail("its writer has died; restart the gateway")
            self.lost += len(self._kept)
            if self._kept:
                log.critical("%d rows are lost", len(self._kept))

    def _gather(self) -> bool:
        """Wait for rows, at most until it is time to sync, and take all there are; False when there will be no more."""
        try:
            waits = self._kept and self.fault is None
            job = self._jobs.get_nowait() if waits else self._jobs.get(timeout=SYNC_SECONDS)
            while job is not None:
                self._kept.append(job)
                job = self._jobs.get_nowait()
        except queue.Empty:
            return True
        return False

    def _write(self, batch: list[Job]) -> None:
        try:
            if batch:
                self._store.append([job.entry for job in batch])
            elif self.fault is not None:
                self._store.probe()
        except sqlite3.Error as error:
            self._fail(str(error))
            return
        for job in batch:
            self._kept.popleft()
            self.team_rows[job.entry.team] += 1
        self._unsynced = True
        if self.fault is not None:
            log.warning("the audit can be written again; rows lost so far: %d", self.lost)
            self.fault = None
        self._tell(batch)

    def _sync(self) -> None:
        try:
            self._store.sync()
        except (sqlite3.Error, OSError) as error:
            self._fail(str(error))
        else:
            self._unsynced = False

    def _fail(self, why: str) -> None:
        """Refuse those who wait; keep the rows that nobody waits for, as far as memory is meant to hold them."""
        fault = f"the audit cannot be written: {why}"
        if self.fault is None:
            log.error("%s; nothing is served until it can be", fault)
        self.fault = fault
        waiting = [job for job in self._kept if job.awaited]
        rows = [job for job in self._kept if not job.awaited]
        self.lost += max(0, len(rows) - BACKLOG)
        self._kept = deque(rows[:BACKLOG])
        self._tell(waiting)

    def _tell(self, jobs: Iterable[Job]) -> None:
        waiters = [job.waiter for job in jobs if job.waiter is not None]
        if waiters:
            self._loop.call_soon_threadsafe(_resolve, waiters, self.fault)

    def _log_head(self) -> None:
        """Logs kept elsewhere then show whether the chain was written anew."""
        log.info("the audit's head is %s", self.head)


def _resolve(waiters: list[asyncio.Future[None]], fault: str | None) -> None:
    for waiter in waiters:
        if waiter.done():  # its request was cancelled meanwhile
            continue
        if fault is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(AuditUnavailable(fault))
