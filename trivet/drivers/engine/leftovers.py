"""Networks and volumes of a Compose project, found by their label."""

from __future__ import annotations

from typing import Final, Literal

from trivet.drivers.engine.containers import PROJECT
from trivet.drivers.engine.docker import Docker

Kind = Literal["network", "volume"]
KINDS: Final[tuple[Kind, ...]] = ("network", "volume")


def find(docker: Docker, kind: Kind, project: str) -> list[str]:
    """The names, or ids, of all of a kind."""
    return docker.lines(kind, "ls", "--quiet", "--filter", f"label={PROJECT}={project}")


def remove(docker: Docker, kind: Kind, project: str) -> None:
    """Remove all of a kind.

    Raises:
        EngineError: somebody else still uses one.
    """
    if names := find(docker, kind, project):
        docker.do(kind, "rm", *names)
