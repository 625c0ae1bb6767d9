"""How a container is run, whatever runs in it: resources, restart, health."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trivet.spec.base import Frozen

Restart = Literal["no", "on-failure", "unless-stopped", "always"]


class Resources(Frozen):
    """Upper bounds, enforced by the engine (cgroups)."""

    cpus: Annotated[float, Field(gt=0, le=1024, strict=False, description="CPU cores.")] = 2.0
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi)$", description="Memory, in Mi or Gi.")] = "2Gi"
    pids: Annotated[int, Field(gt=0, le=4_194_304, description="Processes and threads.")] = 512

    @property
    def memory_bytes(self) -> int:
        """The memory bound in bytes."""
        return int(self.memory[:-2]) * {"Mi": 1 << 20, "Gi": 1 << 30}[self.memory[-2:]]


class Health(Frozen):
    """When a container counts as healthy. All times in seconds."""

    interval: Annotated[int, Field(gt=0, le=3600)] = 10
    timeout: Annotated[int, Field(gt=0, le=600)] = 5
    retries: Annotated[int, Field(gt=0, le=100)] = 3
    start: Annotated[int, Field(ge=0, le=7200, description="Failures in this time after the start do not count.")] = 60
