"""`trivet hold`: keep a rented node for a while, though it is idle; never beyond its `ends-by`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from trivet.cli.answer import Answer, add_verb
from trivet.cli.duration import duration, spoken
from trivet.drivers.compute import ComputeProvider
from trivet.drivers.rented.bill import HOUR, dollars
from trivet.drivers.rented.providers import open_lambda
from trivet.errors import CloudError, TrivetError
from trivet.idle.charter import Charter, charter_of, held_name, node_name
from trivet.idle.node import Node


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_verb(subparsers, "hold", "keep an idle node for a while, or let it go again", run, writes=True)
    parser.add_argument("node", metavar="NODE", help="its id, or its stack's name")
    parser.add_argument("--for", type=duration, required=True, dest="seconds", metavar="TIME", help="2h; 0m lets it go")
    parser.add_argument("--why", required=True, metavar="TEXT", help="stands in the node's name, for everybody to see")


def run(args: argparse.Namespace) -> Answer:
    """Write the hold into the node's name, and see that it is there."""
    with open_lambda() as provider:
        node, charter = _find(provider, args.node)
        until = int(provider.clock.now()) + args.seconds
        if until > charter.ends_by:
            left = charter.ends_by - provider.clock.now()
            raise TrivetError(
                where=node.id,
                value=f"a hold of {spoken(args.seconds)}",
                rule=f"no hold reaches beyond the node's ends-by tag, {_at(charter.ends_by)}: {spoken(left)} are left",
                remedy="hold it for less; for more, set lambda.maxTtlHours and deploy another one",
            )
        name = held_name(charter.stack, until, args.why) if args.seconds else node_name(charter.stack)
        more = max(0, charter.deadline(name) - charter.deadline(node.name)) * node.cents_per_hour / HOUR
        if not args.dry_run:
            provider.rename(node.id, name)
            _require_named(provider, node.id, name)
    end = charter.deadline(name)
    return Answer(
        lines=[f"{node.id}  {name}", f"ends by {_at(end)} at the latest; up to {dollars(more)} more than before"],
        data={"id": node.id, "name": name, "heldUntil": charter.held_until(name), "deadline": end, "centsMore": more},
    )


def _find(provider: ComputeProvider, wanted: str) -> tuple[Node, Charter]:
    ours = [(node, charter) for node in provider.nodes() if (charter := charter_of(node.tags))]
    found = [(node, charter) for node, charter in ours if wanted in {node.id, charter.stack}]
    if len(found) != 1:
        known = ", ".join(f"{node.id} ({charter.stack})" for node, charter in ours) or "none"
        raise TrivetError(
            value=f"{wanted}: {len(found)} nodes",
            rule=f"a hold is for one node of ours; there are: {known}",
            remedy="name one by its id",
        )
    return found[0]


def _require_named(provider: ComputeProvider, node_id: str, name: str) -> None:
    node = provider.node(node_id)
    if node is None or node.name != name:
        raise CloudError(
            code="not-held",
            where=f"{provider.name}: {node_id}",
            value=f"its name is {node.name if node else 'gone with it'}",
            rule="a hold stands in the node's name",
            remedy="run the same command again",
        )


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
