"""Docker's command line: asked for JSON, its refusals turned into errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from trivet.drivers.host import Completed, Host, Report
from trivet.errors import EngineError

OWN_SOCKET = "unix://"
CONTAINERD_STORE = "io.containerd.snapshotter.v1"


@dataclass(frozen=True)
class Facts:
    """What the engine is. `data` is the directory on the host that holds images and volumes.

    `knows_layers`: it finds a layer that it has by the layer's content, and does not read it from an archive again. The
    containerd image store wants every blob.
    """

    version: str
    data: str
    knows_layers: bool


class Docker:
    """The engine that a host's `docker` command talks to."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def run(
        self,
        *args: str,
        stdin: Iterable[bytes] = (),
        timeout: float = 60,
        on_line: Report | None = None,
    ) -> Completed:
        """Run `docker ARGS`, whatever its exit code."""
        return self.host.run(["docker", *args], stdin=stdin, timeout=timeout, on_line=on_line)

    def do(self, *args: str, stdin: Iterable[bytes] = (), timeout: float = 60) -> bytes:
        """Run `docker ARGS` and return its output.

        Raises:
            EngineError: it exits with an error.
        """
        done = self.run(*args, stdin=stdin, timeout=timeout)
        if done.code != 0:
            raise refused(done)
        return done.stdout

    def lines(self, *args: str) -> list[str]:
        """The words of an output with one word a line."""
        return self.do(*args).decode().split()

    def inspect(self, kind: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """Everything about those of the named objects that exist."""
        if not names:
            return []
        done = self.run(kind, "inspect", *names)
        if done.code != 0 and not _only_missing(done.stderr):
            raise refused(done)
        objects: list[dict[str, Any]] = json.loads(done.stdout or b"[]")
        return objects

    def facts(self) -> Facts:
        """Ask the engine who it is.

        Raises:
            EngineError: none answers, or it is another machine's.
        """
        endpoint = self.do("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").decode().strip()
        if not endpoint.startswith(OWN_SOCKET):
            raise EngineError(
                where="DOCKER_HOST, or the Docker context",
                value=endpoint,
                rule="the stack is installed on the host's own engine, which is reached through a unix:// socket",
                remedy="unset DOCKER_HOST and run `docker context use default`",
            )
        done = self.run("info", "--format", "{{json .}}")
        if done.code != 0:
            raise EngineError(
                where=endpoint,
                value=done.stderr.strip(),
                rule="a running container engine answers",
                remedy="start it (`make setup` does), and see that your user may talk to it (group docker)",
            )
        info = json.loads(done.stdout)
        status = dict(info.get("DriverStatus") or ())
        return Facts(
            version=info["ServerVersion"],
            data=info["DockerRootDir"],
            knows_layers=CONTAINERD_STORE not in status.values(),
        )


def refused(done: Completed) -> EngineError:
    """The error for a command that the engine refused."""
    return EngineError(
        where=" ".join(done.argv[:3]),
        value=done.stderr.strip() or f"exit code {done.code}",
        rule="the container engine does what it is asked",
        remedy="read the engine's words above; after mending the cause, run the same command again",
    )


def _only_missing(stderr: str) -> bool:
    lines = [line.lower() for line in stderr.splitlines() if line.strip()]
    return bool(lines) and all("no such" in line or "not found" in line for line in lines)
