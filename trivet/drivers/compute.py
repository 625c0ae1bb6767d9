"""A provider of rented machines, as launching, reaping and counting see it. Another provider is one more class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from trivet.drivers.clock import Clock
from trivet.idle.node import Node


@dataclass(frozen=True)
class Offer:
    """A kind of machine in a region that has one just now, and its price."""

    kind: str
    region: str
    cents_per_hour: int


@dataclass(frozen=True)
class Door:
    """A TCP port that the node answers on, and the network (CIDR) that may reach it."""

    port: int
    source: str
    why: str


@dataclass(frozen=True)
class Order:
    """One node to launch.

    Attributes:
        label: of everything that is made beside it (SSH key, openings): found and removed by it.
        user_data: cloud-init, as text.
    """

    offer: Offer
    name: str
    label: str
    public_key: str
    doors: tuple[Door, ...]
    user_data: str
    tags: Mapping[str, str]


class ComputeProvider(Protocol):
    """An account with a provider. Every method raises CloudError when the provider refuses."""

    name: str
    clock: Clock

    def offers(self) -> list[Offer]:
        """What can be had just now."""

    def nodes(self) -> list[Node]:
        """Every node of the account that is not ended, ours or not."""

    def node(self, node_id: str) -> Node | None:
        """One node; None where the provider does not know it (any more)."""

    def launch(self, order: Order) -> str:
        """Launch one node and return its id; may raise CapacityError and AmbiguousError.

        SSH key and openings are made first, and taken up where they are there already.
        """

    def rename(self, node_id: str, name: str) -> None:
        """Give a node another name: a hold is written there."""

    def end(self, node_ids: Collection[str]) -> None:
        """Ask for the end of nodes; gone already is no error. Look whether they are: it takes a while."""

    def dismiss(self, label: str) -> None:
        """Remove what was made beside an order's node; gone already is no error.

        Raises:
            CloudError: a node still uses it.
        """
