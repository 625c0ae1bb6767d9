"""A rented machine, as rules about its end see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Phase = Literal["booting", "active", "unhealthy", "ending", "ended"]


@dataclass(frozen=True)
class Node:
    """A rented machine, or one that was. `address` is known once it is active."""

    id: str
    name: str
    phase: Phase
    kind: str
    region: str
    cents_per_hour: int
    tags: Mapping[str, str]
    address: str | None = None

    @property
    def bills(self) -> bool:
        """True as long as somebody may be paying for it."""
        return self.phase != "ended"


@dataclass(frozen=True)
class Standing:
    """What a node learns of itself from the control side: its name, which tells of holds, and its phase.

    `phase` is a word of the provider's: one that is no Phase tells nothing.
    """

    name: str
    phase: str = ""
