"""`trivet reap`: end rented nodes whose time is over, wherever they came from. Needs nothing but the account's key."""

from __future__ import annotations

import argparse
from pathlib import Path

from trivet.cli.answer import Answer, add_verb
from trivet.cli.progress import say
from trivet.drivers.compute import ComputeProvider
from trivet.drivers.rented.ledger import DIRECTORY, Ledger
from trivet.drivers.rented.providers import open_lambda
from trivet.drivers.rented.sweep import Sweep, sweep
from trivet.errors import CloudError
from trivet.render.reaper import KINDS, reaper_files


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_verb(
        subparsers, "reap", "end rented nodes whose time is over (exit 1: one could not be ended)", run, writes=True
    )
    parser.add_argument(
        "--watch", type=int, metavar="SECONDS", help="do it again and again, until Ctrl-C; failures are tried again"
    )
    parser.add_argument("--print", choices=KINDS, help="print the files that run this as a timer, and do nothing else")
    add_ledger_argument(parser)


def add_ledger_argument(parser: argparse.ArgumentParser) -> None:
    """`--ledger DIR`, where the launches of a checkout are written down."""
    parser.add_argument(
        "--ledger", type=Path, default=DIRECTORY, metavar="DIR", help=f"launches of a checkout (default: {DIRECTORY})"
    )


def run(args: argparse.Namespace) -> Answer:
    """Sweep once, or for ever."""
    if args.print:
        text = reaper_files(args.print)
        return Answer(text.splitlines(), {"text": text})
    ledger = Ledger(args.ledger)
    with open_lambda() as provider:
        while args.watch:
            _once_more(provider, ledger, dry_run=args.dry_run)
            provider.clock.sleep(args.watch)
        done = sweep(provider, ledger, dry_run=args.dry_run)
    return Answer(lines=_lines(done), data=_data(done), ok=not done.failures)


def _once_more(provider: ComputeProvider, ledger: Ledger, *, dry_run: bool) -> None:
    try:
        done = sweep(provider, ledger, dry_run=dry_run)
    except CloudError as exc:
        say(f"error: {exc}")
        return
    for line in _lines(done):
        print(line, flush=True)


def _lines(done: Sweep) -> list[str]:
    lines = []
    for verdict in done.verdicts:
        node = verdict.node
        failure = done.failures.get(node.id)
        action = f"FAILED ({failure})" if failure else verdict.action
        lines.append(f"{action:<5} {node.id}  {node.kind} in {node.region}, {node.phase}: {verdict.why}")
    ended = sum(verdict.action == "end" for verdict in done.verdicts) - len(done.failures)
    return [*lines, f"{len(done.verdicts)} nodes of ours, {ended} to end or ended, {len(done.failures)} failures"]


def _data(done: Sweep) -> dict[str, object]:
    nodes = [
        {"id": each.node.id, "phase": each.node.phase, "action": each.action, "why": each.why} for each in done.verdicts
    ]
    return {"nodes": nodes, "failures": done.failures}
