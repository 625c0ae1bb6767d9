"""Docker Compose 2: `up` of a project, with progress, its complaint turned into an error."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trivet.drivers.engine.docker import Docker
from trivet.drivers.host import Completed, Report
from trivet.errors import EngineError, HostError

PLUGIN, STANDALONE = ("docker", "compose"), ("docker-compose",)
OLDEST = (2, 20)  # up --wait-timeout
GRACE = 120.0  # seconds that Compose gets on top of its own time-out
EVENT = re.compile(r"\s+(?P<kind>[A-Z][a-z]+)\s+(?P<name>\S+)\s+(?P<status>[A-Z][a-z]+)\s*")
SAID = {"Waiting": "waiting for {} to be healthy", "Healthy": "{} is healthy"}


class Compose:
    """A project, and the Compose that the host has."""

    def __init__(self, docker: Docker, project: str) -> None:
        self._docker = docker
        self._project = project
        self._argv = self._find()

    def up(self, file: str, *, wait_seconds: int, report: Report) -> None:
        """Make the engine's containers, networks and volumes be what a file says, and wait until all are healthy.

        Only what differs is touched. Nothing is pulled or built.

        Raises:
            EngineError: it does not come to that.
        """
        args = "up --detach --pull never --no-build --remove-orphans --wait --wait-timeout"
        self._do(file, [*args.split(), str(wait_seconds)], timeout=2 * wait_seconds + GRACE, report=report)

    def _do(self, file: str, args: Sequence[str], *, timeout: float, report: Report) -> None:
        progress = _Progress(self._project, report)
        done = self._docker.host.run(
            [*self._argv, "--project-name", self._project, "--file", file, *args],
            timeout=timeout,
            on_line=progress.line,
        )
        if done.code != 0:
            raise EngineError(
                where=f"compose {args[0]}",
                value=progress.error or f"exit code {done.code}",
                rule="every container starts and becomes healthy",
                remedy="mend the cause, then run the same command again: it takes up what is there",
            )

    def _find(self) -> tuple[str, ...]:
        for argv in (PLUGIN, STANDALONE):
            version = _version(self._docker, argv)
            if version and version >= OLDEST:
                return argv
        raise EngineError(
            value="neither `docker compose` nor `docker-compose` is there",
            rule=f"Docker Compose {'.'.join(map(str, OLDEST))} or newer runs the stack",
            remedy="run `make setup`, then `. .trivet/env`",
        )


class _Progress:
    """Reads what Compose prints without a terminal: an event a line, set in by a space; everything else is an error."""

    def __init__(self, project: str, report: Report) -> None:
        self._service = re.compile(rf"{re.escape(project)}-(.+)-\d+")
        self._report = report
        self._other: list[str] = []

    def line(self, text: str) -> None:
        event = EVENT.fullmatch(text)
        if event is None:
            self._other.append(text)
        elif event["kind"] == "Container":
            service = self._service.fullmatch(event["name"])
            named = service[1] if service else event["name"]
            self._report(SAID.get(event["status"], "{}: " + event["status"].lower()).format(named))

    @property
    def error(self) -> str:
        return "\n".join(self._other).strip()


def _version(docker: Docker, argv: Sequence[str]) -> tuple[int, ...] | None:
    try:
        done: Completed = docker.host.run([*argv, "version", "--short"])
    except HostError:
        return None
    found = re.match(r"v?(\d+)\.(\d+)", done.stdout.decode(errors="replace"))
    return tuple(map(int, found.groups())) if done.code == 0 and found else None
