"""Carries out the reaper's verdicts on an account, and lets the ledger know of nodes that are gone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from trivet.drivers.compute import ComputeProvider
from trivet.drivers.rented.ledger import Launch, Ledger
from trivet.errors import CloudError
from trivet.idle.reaper import Verdict, judge_all


@dataclass(frozen=True)
class Sweep:
    """What was found; `failures`: by node id, why it could not be ended. The next sweep tries again."""

    verdicts: list[Verdict]
    failures: dict[str, str]


def sweep(provider: ComputeProvider, ledger: Ledger, *, dry_run: bool = False) -> Sweep:
    """Judge every node of ours in the account and end those that are condemned; one failure does not save the others.

    Raises:
        CloudError: the account's nodes cannot be listed.
    """
    nodes = provider.nodes()
    verdicts = judge_all(nodes, provider.clock.now(), ledger.owners())
    failures: dict[str, str] = {}
    if dry_run:
        return Sweep(verdicts, failures)
    for verdict in verdicts:
        if verdict.action == "end":
            try:
                provider.end([verdict.node.id])
            except CloudError as exc:
                failures[verdict.node.id] = str(exc.value)
    _close(provider, ledger, {node.id for node in nodes}, verdicts, failures)
    return Sweep(verdicts, failures)


def _close(
    provider: ComputeProvider,
    ledger: Ledger,
    listed: Collection[str],
    verdicts: Collection[Verdict],
    failures: Collection[str],
) -> None:
    """Close the launches whose node was just ended, or had ended by itself."""
    ended = {each.node.id: f"reaped: {each.why}" for each in verdicts if each.action == "end"}
    for launch in ledger.launches():
        node_id = launch.node_id
        if launch.state != "launched" or launch.provider != provider.name or node_id is None or node_id in failures:
            continue
        if node_id in ended:
            _note(provider, ledger, launch, ended[node_id])
        elif node_id not in listed and ((node := provider.node(node_id)) is None or not node.bills):
            _note(provider, ledger, launch, "ended by itself, or by somebody else")


def _note(provider: ComputeProvider, ledger: Ledger, launch: Launch, why: str) -> None:
    ended_at = launch.ended_at or min(int(provider.clock.now()), launch.ends_by)
    ledger.note(launch, state="closed", ended_at=ended_at, why=why)
