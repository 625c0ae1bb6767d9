"""The container engine, through its socket: asked about a container, told to start it anew."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

SECONDS = 10.0
STOP_SECONDS = 2  # a server that hangs does not heed the signal to end
RESTART_SECONDS = 30.0


class EngineError(OSError):
    """The engine does not answer, or not as it should."""


@dataclass(frozen=True)
class Running:
    """A container that runs. `run`: another one after every start; `pid` of its first process, as the host has it."""

    id: str
    run: str
    pid: int
    address: str


class Engine:
    """Docker's HTTP API, in its newest version: https://docs.docker.com/reference/api/engine/."""

    def __init__(self, path: str) -> None:
        self._path = path

    def running(self, name: str) -> Running | None:
        """A container by name; None for one that does not run, or is paused, or is not there.

        Raises:
            EngineError: the engine does not say.
        """
        status, body = self._ask("GET", f"/containers/{quote(name)}/json", SECONDS)
        if status == http.client.NOT_FOUND:
            return None
        if status != http.client.OK:
            raise EngineError(f"{name}: status {status}")
        try:
            return _running(json.loads(body))
        except (ValueError, KeyError, TypeError) as exc:
            raise EngineError(f"{name}: unreadable: {exc}") from exc

    def restart(self, container: Running) -> None:
        """End it, by force if need be, and start it again.

        Raises:
            EngineError: the engine did not.
        """
        status, body = self._ask("POST", f"/containers/{container.id}/restart?t={STOP_SECONDS}", RESTART_SECONDS)
        if status != http.client.NO_CONTENT:
            raise EngineError(f"restarting {container.id[:12]}: status {status}: {body[:500].decode(errors='replace')}")

    def _ask(self, method: str, path: str, seconds: float) -> tuple[int, bytes]:
        connection = _Connection(self._path, seconds)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as exc:
            raise EngineError(f"{self._path}: {exc!r}") from exc
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _running(raw: dict[str, Any]) -> Running | None:
    state = raw["State"]
    addresses = [network["IPAddress"] for network in raw["NetworkSettings"]["Networks"].values()]
    if state["Status"] != "running" or not any(addresses):
        return None
    run = f"{raw['Id']} {state['StartedAt']}"
    return Running(id=raw["Id"], run=run, pid=state["Pid"], address=next(filter(None, addresses)))
