"""`trivet reap`: end rented nodes whose time is over, wherever they came from. Needs nothing but the account's key."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Never

from trivet.cli.answer import Answer, add_verb
from trivet.cli.duration import duration
from trivet.cli.progress import say
from trivet.drivers.compute import ComputeProvider
from trivet.drivers.modal_token import has_token
from trivet.drivers.rented.broker import SILENCE_SECONDS, Broker
from trivet.drivers.rented.broker_server import listening
from trivet.drivers.rented.ledger import DIRECTORY, Ledger
from trivet.drivers.rented.providers import has_lambda_key, lambda_key, open_lambda
from trivet.drivers.rented.sweep import Sweep, sweep
from trivet.errors import TrivetError
from trivet.render.reaper import KINDS, reaper_files

MOST_PORT = 65535


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    text = "end rented nodes whose time is over (exit 1: one could not be ended)"
    parser = add_verb(subparsers, "reap", text, run, writes=True)
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
    """Sweep once, or for ever: Lambda's nodes, and Modal's apps where there is a token for it."""
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
    if args.broker:
        with open_lambda() as provider:
            _serve(provider, Ledger(args.ledger), args)
    # Without a key for either, Lambda's is asked for.
    nodes = has_lambda_key() or not has_token()
    if args.watch and nodes:
        lambda_key()  # a wrong one is met at the door
    while args.watch:
        _try(lambda: _reaped(args, nodes=nodes))
        time.sleep(args.watch)
    return _reaped(args, nodes=nodes)


def _reaped(args: argparse.Namespace, *, nodes: bool) -> Answer:
    """Lambda's nodes, and Modal's apps where there is a token for it; either may fail by itself."""
    if not has_token():
        return _nodes(args)
    answer: Answer | None = None
    if nodes:
        try:
            answer = _nodes(args)
        except (TrivetError, OSError) as exc:
            answer = Answer([f"error: {exc}"], {"lambda": str(exc)}, ok=False)
    return _and_modal(answer, dry_run=args.dry_run)


def _nodes(args: argparse.Namespace) -> Answer:
    with open_lambda() as provider:
        done = sweep(provider, Ledger(args.ledger), dry_run=args.dry_run)
    return Answer(lines=_lines(done), data=_data(done), ok=not done.failures)


def _and_modal(answer: Answer | None, *, dry_run: bool) -> Answer:
    from trivet.cli import modal_apps  # noqa: PLC0415  # what it needs takes its time

    return modal_apps.beside(answer, lambda: modal_apps.reap(dry_run=dry_run))


def _serve(provider: ComputeProvider, ledger: Ledger, args: argparse.Namespace) -> Never:
    """Be a broker, and a reaper beside it, for ever."""
    broker = Broker(provider, lambda_key(), lambda line: print(json.dumps(line), flush=True), silence=args.silence)

    def swept() -> Answer:
        broker.sweep(ledger)  # its audit tells
        return Answer((), {})

    with listening(broker, *args.broker) as port:
        say(f"the broker listens on {args.broker[0]}:{port}")
        while True:
            _try(swept)
            if has_token():
                _try(lambda: _and_modal(None, dry_run=False), tell=say)
            time.sleep(args.watch)


def _try(part: Callable[[], Answer], tell: Callable[[str], None] = print) -> None:
    """Do a part of what is done for ever: whatever keeps it from that, the next time it is tried again."""
    try:
        for line in part().lines:
            tell(line)
        sys.stdout.flush()
    except (TrivetError, OSError) as exc:
        with suppress(OSError):
            say(f"error: {exc}")


def _address(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    if not address or not port.isdecimal() or int(port) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no ADDRESS:PORT; write 0.0.0.0:8470")
    return address, int(port)


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
