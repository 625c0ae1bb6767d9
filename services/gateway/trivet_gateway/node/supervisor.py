"""Keeps the servers of a node up, in their order, and ends them in the other."""

from __future__ import annotations

import logging
import subprocess
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from threading import Event
from typing import Final

from trivet_gateway.node.plan import Plan, Server

POLL_SECONDS: Final = 0.1
RESTART_SECONDS: Final = 1.0
PROBE_SECONDS: Final = 2.0
END_SECONDS: Final = 5.0
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # nobody's proxy knows our loopback

log = logging.getLogger(__name__)


class Supervisor:
    """The processes of a node. `ended` is set from outside, by a signal."""

    def __init__(self, plan: Plan, ended: Event) -> None:
        self._plan = plan
        self._ended = ended
        self._running: dict[str, tuple[Server, subprocess.Popen[bytes]]] = {}

    def start(self) -> bool:
        """Start the models, wait for each to be healthy, then start the gateway; False if it did not come to that."""
        for model in self._plan.models:
            self._begin(model)
        deadline = time.monotonic() + self._plan.start_seconds
        waiting = list(self._plan.models)
        while waiting:
            if time.monotonic() > deadline:
                log.error("not healthy in time: %s", ", ".join(model.name for model in waiting))
                return False
            if self.tick(POLL_SECONDS):
                return False
            waiting = [model for model in waiting if not healthy(model)]
        self._begin(self._plan.gateway)
        return True

    def tick(self, seconds: float) -> bool:
        """Wait so long, and start anew what has died meanwhile; True once the end was asked for."""
        over = self._ended.wait(seconds)
        for server, process in tuple(self._running.values()):
            if not over and process.poll() is not None:
                log.error("%s ended with code %d and is started again", server.name, process.returncode)
                over = self._ended.wait(RESTART_SECONDS)
                self._begin(server)
        return over

    def stop(self) -> None:
        """End the gateway, which first answers what it has taken, then the models."""
        for group, seconds in (((self._plan.gateway,), self._plan.drain_seconds), (self._plan.models, END_SECONDS)):
            processes = [self._running.pop(server.name)[1] for server in group if server.name in self._running]
            for process in processes:
                process.terminate()
            deadline = time.monotonic() + seconds
            for process in processes:
                _end(process, deadline)

    def _begin(self, server: Server) -> None:
        user = self._plan.user
        process = subprocess.Popen(
            server.argv,
            env=server.variables(),
            stdin=subprocess.DEVNULL,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        self._running[server.name] = (server, process)


def healthy(server: Server) -> bool:
    """True if it says so."""
    try:
        with _DIRECT.open(server.health, timeout=PROBE_SECONDS) as response:
            return bool(response.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False


def _end(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
