"""A stop that an update needs is announced: the gateway refuses what is new (503, Retry-After) and ends what it has.

What serves is replaced meanwhile. That takes as long as the slowest model needs to load; `waitSeconds` bounds it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from trivet.drivers.bundle.trial import Kind, Trial
from trivet.drivers.engine.containers import Container
from trivet.drivers.engine.docker import Docker
from trivet.drivers.host import Host, Report
from trivet.idle.metrics import UnreadableError, read_metrics
from trivet.render import paths
from trivet.render.gateway import PORT

OURS: Final = paths.UPDATE_DRAINS.encode()
DRAIN_SECONDS: Final = 30.0  # as long as a gateway that is stopped takes at most
NOTICE_SECONDS: Final = 1.0  # in which the gateway has seen the file
POLL: Final = 0.5
METRICS: Final = (
    f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{PORT}/metrics', timeout=5).read().decode())"
)


@contextmanager
def announced(trial: Trial, gateway: Container | None, kind: Kind, report: Report) -> Iterator[None]:
    """Let requests in flight end before what serves them is replaced, and nothing new in until that is over.

    Args:
        trial: begun.
        gateway: as it is now.
        kind: of what is on trial; an update alone replaces what serves.
        report: hears of it.
    """
    host, path = trial.host, trial.path(paths.DRAIN_FILE)
    try:
        if kind == "update" and gateway and gateway.is_well and host.stat(path) is None:
            report("requests in flight end, new ones are told to come back")
            host.write(path, OURS)
            _wait_until_quiet(Docker(host), gateway)
        yield
    finally:
        # An interrupted host over SSH refuses even that: there the watchdog, or the next run, admits again.
        if is_announced(host, trial.root):
            host.remove(path)


def is_announced(host: Host, root: str) -> bool:
    """An update below `root` has told clients to come back."""
    return host.read(f"{root}/{paths.DRAIN_FILE}") == OURS


def _wait_until_quiet(docker: Docker, gateway: Container) -> None:
    deadline = time.monotonic() + DRAIN_SECONDS
    time.sleep(NOTICE_SECONDS)
    while time.monotonic() < deadline and _in_flight(docker, gateway):
        time.sleep(POLL)


def _in_flight(docker: Docker, gateway: Container) -> float:
    """Requests that are being answered; 0 where the gateway does not tell, for then nothing shows when to go on."""
    done = docker.run("exec", gateway.id, "python3", "-c", METRICS)
    try:
        return read_metrics(done.stdout.decode(errors="replace")).in_flight
    except UnreadableError:
        return 0.0
