"""`trivet reap`: end rented nodes whose time is over, wherever they came from. Needs nothing but the account's key."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Never

from trivet.cli.answer import Answer, add_verb
from trivet.cli.duration import duration
from trivet.cli.progress import say
from trivet.drivers.clock import SystemClock
from trivet.drivers.compute import ComputeProvider
from trivet.drivers.modal_token import has_token
from trivet.drivers.rented.broker import SILENCE_SECONDS, Broker
from trivet.drivers.rented.broker_server import listening
from trivet.drivers.rented.ledger import DIRECTORY, Ledger
from trivet.drivers.rented.providers import has_lambda_key, lambda_key, open_lambda
from trivet.drivers.rented.sweep import Sweep, sweep
from trivet.errors import CloudError, TrivetError
from trivet.render.reaper import KINDS, reaper_files

MOST_PORT = 65535


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    text = "end rented nodes whose time is over (exit 1: one could not be ended)"
    parser = add_verb(subparsers, "reap", text, everywhere, writes=True)
    parser.add_argument(
        "--watch", type=int, metavar="SECONDS", help="do it again and again, until Ctrl-C; failures are tried again"
    )
    parser.add_argument(
        "--broker",
        type=_address,
        metavar="ADDRESS:PORT",
        help="with --watch: listen there for nodes that ask for their own end, and hold the key for them",
    )
    parser.add_argument(
        "--silence",
        type=duration,
        default=SILENCE_SECONDS,
        metavar="TIME",
        help="with --broker: a node that is not heard of for so long is ended (default: 30m)",
    )
    parser.add_argument("--print", choices=KINDS, help="print the files that run this as a timer, and do nothing else")
    parser.add_argument("--image", metavar="HOST/NAME@sha256:…", help="with --print kubernetes: what its CronJob runs")
    add_ledger_argument(parser)


def add_ledger_argument(parser: argparse.ArgumentParser) -> None:
    """`--ledger DIR`, where the launches of a checkout are written down."""
    parser.add_argument(
        "--ledger", type=Path, default=DIRECTORY, metavar="DIR", help=f"launches of a checkout (default: {DIRECTORY})"
    )


def run(args: argparse.Namespace) -> Answer:
    """Sweep once, or for ever."""
    if args.print:
        program = shutil.which("trivet") or str(Path(sys.argv[0]).resolve())
        text = reaper_files(args.print, program=program, image=args.image)
        return Answer(text.splitlines(), {"text": text})
    if args.broker and (not args.watch or args.dry_run):
        raise TrivetError(
            value="--broker without --watch" if not args.watch else "--broker with --dry-run",
            rule="a broker stays, and does what it is asked",
            remedy="add --watch 60, and leave --dry-run out",
        )
    ledger = Ledger(args.ledger)
    with open_lambda() as provider:
        if args.broker:
            _serve(provider, ledger, args)
        while args.watch:
            _once_more(provider, ledger, dry_run=args.dry_run)
            provider.clock.sleep(args.watch)
        done = sweep(provider, ledger, dry_run=args.dry_run)
    return Answer(lines=_lines(done), data=_data(done), ok=not done.failures)


def _serve(provider: ComputeProvider, ledger: Ledger, args: argparse.Namespace) -> Never:
    """Be a broker, and a reaper beside it, for ever."""
    broker = Broker(provider, lambda_key(), lambda line: print(json.dumps(line), flush=True), silence=args.silence)
    with listening(broker, *args.broker) as port:
        say(f"the broker listens on {args.broker[0]}:{port}")
        while True:
            try:
                broker.sweep(ledger)
            except CloudError as exc:
                say(f"error: {exc}")
            time.sleep(args.watch)


def _address(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    if not address or not port.isdecimal() or int(port) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no ADDRESS:PORT; write 0.0.0.0:8470")
    return address, int(port)


def everywhere(args: argparse.Namespace) -> Answer:
    """Lambda's nodes, and Modal's apps where there is a token for it."""
    if args.print or args.broker or not has_token():
        return run(args)
    if has_lambda_key():
        return _and_modal(run(args), dry_run=args.dry_run)
    while args.watch:
        print("\n".join(_and_modal(None, dry_run=args.dry_run).lines), flush=True)
        SystemClock().sleep(args.watch)
    return _and_modal(None, dry_run=args.dry_run)


def _and_modal(answer: Answer | None, *, dry_run: bool) -> Answer:
    from trivet.cli import modal_apps  # noqa: PLC0415  # what it needs takes its time

    return modal_apps.beside(answer, lambda: modal_apps.reap(dry_run=dry_run))


def _once_more(provider: ComputeProvider, ledger: Ledger, *, dry_run: bool) -> None:
    try:
        done = sweep(provider, ledger, dry_run=dry_run)
    except CloudError as exc:
        say(f"error: {exc}")
        return
    answer = Answer(_lines(done), {})
    if has_token():
        answer = _and_modal(answer, dry_run=dry_run)
    for line in answer.lines:
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
