"""A host whose files are real, and whose engine answers from a script: a fake at the boundary, the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trivet.drivers.host import Completed, Report
from trivet.drivers.local import LocalHost

READING = (
    ("docker", "context", "inspect"),
    ("docker", "info"),
    ("docker", "ps"),
    ("docker", "container", "inspect"),
    ("docker", "image", "inspect"),
    ("docker", "network", "ls"),
    ("docker", "volume", "ls"),
    ("docker", "compose", "version"),
    ("docker-compose", "version"),
    ("df",),
)


@dataclass
class Answer:
    """What a command prints and exits with."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0


@dataclass
class EngineHost(LocalHost):
    """Answers commands by the longest of their beginnings that `answers` knows, and remembers them all."""

    answers: dict[tuple[str, ...], Answer | Callable[[], Answer]] = field(default_factory=dict)
    ran: list[tuple[str, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        info = {"ServerVersion": "27.0", "DockerRootDir": "/"}
        usual = {
            ("docker", "context", "inspect"): Answer("unix:///var/run/docker.sock\n"),
            ("docker", "info"): Answer(json.dumps(info)),
            ("docker", "compose", "version"): Answer("2.40.3\n"),
            ("docker", "ps"): Answer(),
            ("docker", "network", "ls"): Answer(),
            ("docker", "volume", "ls"): Answer(),
            ("docker", "container", "inspect"): Answer("[]\n", "Error: No such container: x", 1),
            ("docker", "image", "inspect"): Answer("[]\n", "Error: No such image: x", 1),
            ("df",): Answer(
                "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 9 9 99999999 1% /data\n"
            ),
        }
        self.answers = {**usual, **self.answers}

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        timeout: float = 60,  # noqa: ARG002
        on_line: Report | None = None,
    ) -> Completed:
        words = tuple(argv)
        self.ran.append(words)
        known = [beginning for beginning in self.answers if words[: len(beginning)] == beginning]
        assert known, f"nobody scripted {words}"
        found = self.answers[max(known, key=len)]
        answer = found() if callable(found) else found
        for _ in stdin:
            pass
        for line in answer.stderr.splitlines():
            if on_line:
                on_line(line)
        return Completed(argv=words, code=answer.code, stdout=answer.stdout.encode(), stderr=answer.stderr)

    @property
    def changing(self) -> list[tuple[str, ...]]:
        """The commands that are not known to only look."""
        return [words for words in self.ran if not any(words[: len(each)] == each for each in READING)]


def container(name: str, **changes: Any) -> dict[str, Any]:
    """A container as `docker container inspect` shows it."""
    raw: dict[str, Any] = {
        "Id": f"id-of-{name}",
        "Name": f"/{name}",
        "Image": changes.get("image", "sha256:0"),
        "State": {
            "Status": changes.get("state", "running"),
            "ExitCode": changes.get("exit_code", 0),
            "Health": {"Status": changes.get("health", "healthy")},
        },
        "Config": {"Labels": changes.get("labels", {})},
        "HostConfig": {"PortBindings": changes.get("ports", {})},
    }
    return raw
