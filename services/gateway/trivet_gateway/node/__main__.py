"""`python3 -m trivet_gateway.node`: run the node that the environment describes, until a signal ends it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sqlite3
import sys
import time
from pathlib import Path
from threading import Event
from typing import Final

from trivet_gateway.node import FRONTIER_KEY, PLAN, PLAN_FILE
from trivet_gateway.node.copies import Copies
from trivet_gateway.node.journal import Journal
from trivet_gateway.node.plan import Plan
from trivet_gateway.node.supervisor import Supervisor

COPY_SECONDS: Final = 15.0
TICK_SECONDS: Final = 0.5
LOG_FORMAT: Final = "%(asctime)s %(levelname)s node: %(message)s"

log = logging.getLogger(__name__)


def main() -> int:
    """Exit codes: 0 ended as asked; 2: no plan; 3: the models did not become healthy."""
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    try:
        plan = Plan.read(_told())
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{PLAN} or {PLAN_FILE}: {error!r}", file=sys.stderr)
        return 2
    ended = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    _prepare(plan, os.environ.get(FRONTIER_KEY))
    supervisor = Supervisor(plan, ended)
    audit = Path(plan.audit)
    kept = Copies(audit, Path(plan.copies) / f"{_container()}.sqlite") if plan.copies else Journal(audit, sys.stdout)
    try:
        if not supervisor.start():
            return 0 if ended.is_set() else 3
        _watch(supervisor, kept)
    finally:
        supervisor.stop()
        _keep(kept)
        kept.close()
    return 0


def _told() -> str:
    """The plan, from the variable or, for places that bound the length of one, from the file that another names."""
    return Path(os.environ[PLAN_FILE]).read_text("utf-8") if PLAN_FILE in os.environ else os.environ[PLAN]


def _watch(supervisor: Supervisor, kept: Copies | Journal) -> None:
    due = time.monotonic() + COPY_SECONDS
    while not supervisor.tick(TICK_SECONDS):
        if time.monotonic() >= due:
            _keep(kept)
            due = time.monotonic() + COPY_SECONDS


def _prepare(plan: Plan, frontier_key: str | None) -> None:
    """Make what the gateway writes to and reads from be its own, and nobody else's."""
    directory = Path(plan.audit).parent
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    places = [directory]
    if frontier_key:
        file = Path(plan.frontier_key_file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(frontier_key, encoding="utf-8")
        places.append(file)
    if plan.user is not None:
        for place in places:
            os.chown(place, plan.user, plan.user)


def _keep(kept: Copies | Journal) -> None:
    """What fails to be kept costs no request: the next time makes up for it."""
    try:
        kept.refresh()
    except (sqlite3.Error, OSError):
        log.exception("the audit could not be kept")


def _container() -> str:
    """What the place calls this container."""
    return os.environ.get("MODAL_TASK_ID") or socket.gethostname()


if __name__ == "__main__":
    sys.exit(main())
