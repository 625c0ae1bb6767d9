"""`trivet cost`: every rented node, its age, what it has cost, what will end it and when; and the month so far."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from trivet.cli.answer import Answer, add_verb
from trivet.cli.cost_cloud import cloud_cost
from trivet.cli.duration import spoken
from trivet.cli.reap import add_ledger_argument
from trivet.cli.table_text import paragraph
from trivet.drivers.modal_token import has_token
from trivet.drivers.rented.bill import HOUR, MINUTE, cost, dollars, month_to_date
from trivet.drivers.rented.ledger import Launch, Ledger
from trivet.drivers.rented.providers import has_lambda_key, open_lambda
from trivet.idle.charter import Charter, charter_of, is_ours
from trivet.idle.node import Node
from trivet.idle.reaper import Verdict, judge


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_verb(subparsers, "cost", "every rented node: age, spend, what will end it and when", everywhere)
    parser.add_argument("--cloud", choices=["aws"], help="list a cloud's machines and endpoints instead")
    parser.add_argument("--region", action="append", default=[], help="with --cloud: look here alone; may be repeated")
    parser.add_argument("--profile", help="with --cloud aws: AWS profile (default: the environment's)")
    add_ledger_argument(parser)


def everywhere(args: argparse.Namespace) -> Answer:
    """Lambda's nodes, and Modal's apps where there is a token for it."""
    if args.cloud or not has_token():
        return run(args)
    from trivet.cli import modal_apps  # noqa: PLC0415  # what it needs takes its time

    return modal_apps.beside(run(args) if has_lambda_key() else None, modal_apps.cost)


def run(args: argparse.Namespace) -> Answer:
    """Ask the provider what is there, and the ledger what was."""
    if args.cloud:
        return cloud_cost(args)
    ledger = Ledger(args.ledger)
    launches = ledger.launches()
    with open_lambda() as provider:
        nodes, now = provider.nodes(), provider.clock.now()
    known = {launch.launch_id: launch for launch in launches}
    data, lines = [], []
    for node in nodes:
        charter = charter_of(node.tags)
        if not is_ours(node.tags) or charter is None:
            continue
        spent = _spent(node, charter, known.get(charter.launch_id), now)
        verdict = judge(node, now, ledger.owners())
        end, by = _end(verdict, charter, now)
        price = f"{dollars(node.cents_per_hour)}/h"
        lines.append(f"{node.id}  {charter.stack}  {price}  {spoken(now - charter.launched_at)}  {dollars(spent)}")
        lines += paragraph(f"{node.kind} in {node.region}, {node.phase}; {by}, {_at(end)}", first="    ")
        data.append({"id": node.id, "stack": charter.stack, "cents": spent, "endsBy": end, "by": by})
    month = month_to_date(launches, now)
    others = sum(not is_ours(node.tags) for node in nodes)
    return Answer(
        lines=[
            *lines,
            f"{len(data)} nodes of ours, {others} of others; this checkout's launches cost {dollars(month)} this month",
        ],
        data={"nodes": data, "others": others, "centsThisMonth": month},
    )


def _spent(node: Node, charter: Charter, launch: Launch | None, now: float) -> float:
    """As the ledger knows it; for a node of another checkout, the most that it can be."""
    if launch and launch.node_id:
        return cost(launch, 0, now)
    return -(-(now - charter.launched_at) // MINUTE) * node.cents_per_hour * MINUTE / HOUR


def _end(verdict: Verdict, charter: Charter, now: float) -> tuple[int, str]:
    """When it ends at the latest, and what ends it."""
    node = verdict.node
    if verdict.action == "end":
        return int(now), f"ended by the next `trivet reap`: {verdict.why}"
    if verdict.action == "wait":
        return int(now), "is ending"
    if node.phase == "booting":
        return charter.active_by, "ended unless active by its boot deadline"
    if charter.held_until(node.name) > now:
        return charter.deadline(node.name), "held; ended at the latest at its deadline"
    return charter.deadline(node.name), "ended when idle, at the latest at its deadline"


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
