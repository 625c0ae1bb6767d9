"""What a node is told: which servers to start, with which words and variables, and where things lie."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

HIDDEN: Final = ("TRIVET_", "MODAL_")
"""Variables of the place and of this program, that no server gets: some are secret."""


@dataclass(frozen=True)
class Server:
    """A process to keep up. `health`: a URL that answers 200 when it can serve."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    health: str

    def variables(self) -> dict[str, str]:
        """All of its environment: what the image and the place set for everybody, and its own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(HIDDEN)}
        return {**kept, **self.environment}


@dataclass(frozen=True)
class Plan:
    """The node.

    Attributes:
        audit: the gateway's database.
        copies: the directory that outlives the container: the audit is copied there; None: into the container's log.
        frontier_key_file: where the gateway looks for its key; written only where there is one.
        start_seconds: how long the models may take until the gateway is started.
        drain_seconds: how long the gateway may take to end.
        user: number of the user and group that every server runs as; None leaves it.
    """

    models: tuple[Server, ...]
    gateway: Server
    audit: str
    copies: str | None
    frontier_key_file: str
    start_seconds: float
    drain_seconds: float
    user: int | None = None

    @classmethod
    def read(cls, text: str) -> Plan:
        """The plan that a JSON text holds.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        data = json.loads(text)
        return cls(
            **{**data, "models": tuple(_server(each) for each in data["models"]), "gateway": _server(data["gateway"])}
        )


def _server(data: Mapping[str, Any]) -> Server:
    return Server(name=data["name"], argv=tuple(data["argv"]), environment=data["environment"], health=data["health"])
