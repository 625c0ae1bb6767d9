"""Gives back what a stack has rented: node, SSH key and openings."""

from __future__ import annotations

from collections.abc import Iterable

from trivet.drivers.compute import ComputeProvider
from trivet.drivers.host import Report
from trivet.drivers.rented.ledger import Ledger
from trivet.drivers.rented.seen import await_gone, await_listed, end_and_close, launched_by, nodes_of


def release(provider: ComputeProvider, ledger: Ledger, stack: str, report: Report, *, also: Iterable[str] = ()) -> None:
    """End every node that the stack ever launched, see it gone, and remove what was made beside it.

    Args:
        provider: whose nodes they are.
        ledger: of this checkout.
        stack: whose launches these are.
        report: told of each step.
        also: launches that somebody else knows of: the ledger may have been another checkout's, or be lost.

    Raises:
        CloudError: the provider refuses, or a node does not go; its launch stays open, and this may be run again.
    """
    for launch in ledger.open(stack):
        found = nodes_of(launch, provider.nodes()) if launch.node_id else await_listed(provider, launch)
        report(f"ending {len(found)} nodes of launch {launch.launch_id}")
        end_and_close(provider, ledger, launch, found, "released")
    launches, nodes = ledger.launches(stack), provider.nodes()
    known = dict.fromkeys([*(launch.launch_id for launch in launches), *also])
    late = [node.id for launch_id in known for node in launched_by(launch_id, nodes)]
    provider.end(late)
    await_gone(provider, late)
    for label in sorted({launch.label for launch in launches}):
        provider.dismiss(label)
