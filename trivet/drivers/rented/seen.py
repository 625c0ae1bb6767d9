"""Finds the nodes of a launch: by its id in their tags, which is all that a lost answer leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trivet.drivers.compute import ComputeProvider
from trivet.drivers.rented.ledger import Launch, Ledger
from trivet.errors import CloudError
from trivet.idle.charter import charter_of
from trivet.idle.node import Node

POLL_SECONDS = 10.0
SETTLE_SECONDS = 180.0  # how long a launch that nobody answered for may take to be listed
END_SECONDS = 900.0


def nodes_of(launch: Launch, nodes: Sequence[Node]) -> list[Node]:
    """Those of the nodes that were launched by this launch, in a fixed order."""
    return launched_by(launch.launch_id, nodes)


def launched_by(launch_id: str, nodes: Iterable[Node]) -> list[Node]:
    """Those of the nodes whose tags say that they are ours and of this launch, in a fixed order."""
    found = [node for node in nodes if (charter := charter_of(node.tags)) and charter.launch_id == launch_id]
    return sorted(found, key=lambda node: node.id)


def await_listed(provider: ComputeProvider, launch: Launch) -> list[Node]:
    """The nodes of a launch in doubt: waits until there is one, or there has been time enough for one."""
    patience = launch.launched_at + SETTLE_SECONDS
    while not (found := nodes_of(launch, provider.nodes())) and provider.clock.now() < patience:
        provider.clock.sleep(POLL_SECONDS)
    return found


def end_and_close(provider: ComputeProvider, ledger: Ledger, launch: Launch, nodes: Sequence[Node], why: str) -> Launch:
    """End nodes of a launch, see them gone, and close it.

    Raises:
        CloudError: they are still there; the launch stays open.
    """
    provider.end([node.id for node in nodes if node.phase != "ending"])
    if launch.ended_at is None:
        launch = ledger.note(launch, ended_at=min(int(provider.clock.now()), launch.ends_by))
    await_gone(provider, [node.id for node in nodes])
    return ledger.note(launch, state="closed", why=why)


def await_gone(provider: ComputeProvider, node_ids: Sequence[str]) -> None:
    """Wait until nodes are gone.

    Raises:
        CloudError: they are not, after a quarter of an hour.
    """
    patience = provider.clock.monotonic() + END_SECONDS
    for node_id in node_ids:
        while (node := provider.node(node_id)) and node.bills:
            if provider.clock.monotonic() > patience:
                raise CloudError(
                    code="still-there",
                    where=f"{provider.name}: {node_id}",
                    value=f"{node.phase}, {END_SECONDS:.0f} s after it was asked to end",
                    rule="a node that is asked to end ends, and is billed until then",
                    remedy="run `trivet reap --watch`; if it stays, end it in the provider's console",
                )
            provider.clock.sleep(POLL_SECONDS)
