"""The containers of a Compose project, as the engine has them now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trivet.drivers.engine.docker import Docker

PROJECT = "com.docker.compose.project"
CONFIG_HASH = "com.docker.compose.config-hash"
LOG_LINES = 12
NONE = "none"


@dataclass(frozen=True)
class Container:
    """A container. `state` in the engine's word; `health` "none" without a health check; `image` the engine's id."""

    id: str
    name: str
    state: str
    health: str
    image: str
    exit_code: int
    labels: dict[str, str] = field(default_factory=dict)
    published: tuple[tuple[str, int], ...] = ()

    @property
    def is_well(self) -> bool:
        """Running, and healthy if it has a health check. One that is started again and again is not, at any moment."""
        return self.state == "running" and self.health in {"healthy", NONE}


def of_project(docker: Docker, project: str, *, also: Sequence[str] = ()) -> list[Container]:
    """Every container of the project, stopped ones too, by name; and those of the given names, whosever they are."""
    ids = docker.lines("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={PROJECT}={project}")
    found = {raw["Id"]: _container(raw) for raw in docker.inspect("container", [*ids, *also])}
    return sorted(found.values(), key=lambda each: each.name)


def stop(docker: Docker, names: Sequence[str], *, seconds: int) -> None:
    """Ask containers to end, and end them after so many seconds."""
    if names:
        docker.do("container", "stop", "--time", str(seconds), *names, timeout=seconds + 60)


def remove(docker: Docker, names: Sequence[str]) -> None:
    """Remove containers, running or not; one that is gone already is no error."""
    if names:
        docker.do("container", "rm", "--force", "--volumes", *names)


def last_words(docker: Docker, container: Container) -> str:
    """The end of a container's log, both streams."""
    done = docker.run("logs", "--tail", str(LOG_LINES), container.id)
    return (done.stdout.decode(errors="replace") + done.stderr).strip()


def _container(raw: dict[str, Any]) -> Container:
    state, labels = raw["State"], raw["Config"]["Labels"] or {}
    bindings = raw["HostConfig"]["PortBindings"] or {}
    return Container(
        id=raw["Id"],
        name=raw["Name"].removeprefix("/"),
        state=state["Status"],
        health=state.get("Health", {}).get("Status", NONE),
        image=raw["Image"],
        exit_code=state["ExitCode"],
        labels=labels,
        published=tuple(
            (each["HostIp"], int(each["HostPort"])) for ports in bindings.values() for each in ports if each["HostPort"]
        ),
    )
