"""`trivet verify`: the same black-box checks on the URL of any tier."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from trivet.cli.project import find_project
from trivet.conformance import Report, Target, read_key, run_conformance
from trivet.conformance.table import Table
from trivet.errors import LockError, SpecError
from trivet.spec import Lock, StackSpec, load_lock, load_spec, parse_lock

EXIT_GREEN = 0
EXIT_FAILED = 1
MAX_SECONDS = 3600.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "verify",
        help="run the conformance checks on a stack's URL",
        description="Run the conformance checks on a stack's URL. Exit code 0: green; 1: a check failed; "
        "2: the stack could not be examined.",
    )
    parser.add_argument(
        "--url",
        required=True,
        action="append",
        help="of the gateway: the stack's output url; may be given several times",
    )
    parser.add_argument(
        "--key-file", required=True, type=Path, metavar="FILE", help="mode 0600, holds one key: the output keyFile"
    )
    parser.add_argument(
        "--quota-key-file",
        type=Path,
        metavar="FILE",
        help="a key of a team with a small quota and no other traffic; the checks of quotas use it up for a minute",
    )
    parser.add_argument(
        "--spec", type=Path, metavar="FILE", help="what should run (default: inference.yaml here or above)"
    )
    parser.add_argument("--lock", type=Path, metavar="FILE", help="its digests (default: the .lock beside the spec)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="ids or themes of the checks to run")
    parser.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="S", help="seconds that one request may take (default: 60)"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine the stack and print what was found."""
    spec, lock = _expected(args.spec, args.lock)
    key = read_key(args.key_file)
    quota_key = read_key(args.quota_key_file) if args.quota_key_file else None
    targets = [
        Target(url=url, key=key, quota_key=quota_key, spec=spec, lock=lock, timeout=args.timeout) for url in args.url
    ]
    examine = _print_json if args.json else _print_table
    green: list[bool] = []
    for target in targets:
        if len(targets) > 1 and not args.json:
            print(*([""] if green else []), target.url, sep="\n")
        green.append(examine(target, args.only).ok)
    return EXIT_GREEN if all(green) else EXIT_FAILED


def _expected(spec_file: Path | None, lock_file: Path | None) -> tuple[StackSpec | None, Lock | None]:
    """The spec and the lock that were named; when none was, those of the project here, if here is one."""
    if spec_file is None and lock_file is None:
        try:
            spec_file = find_project(Path.cwd()).spec_file
        except SpecError:
            return None, None
    if spec_file is None:
        return None, _lock_alone(lock_file)
    beside = spec_file.with_suffix(".lock")
    lock_file = lock_file or (beside if beside.exists() else None)
    spec = load_spec(spec_file)
    return spec, load_lock(lock_file, spec) if lock_file else None


def _lock_alone(path: Path | None) -> Lock | None:
    if path is None:
        return None
    try:
        return parse_lock(path.read_text(encoding="utf-8"), str(path))
    except OSError as exc:
        raise LockError(
            where=str(path), value=exc.strerror, rule="the lock can be read", remedy="name the stack's inference.lock"
        ) from exc


def _print_json(target: Target, only: Sequence[str]) -> Report:
    report = run_conformance(target, only)
    print(report.model_dump_json(by_alias=True, indent=2))
    return report


def _print_table(target: Target, only: Sequence[str]) -> Report:
    """Each row as it is found: the whole takes seconds, or a minute where a quota must first be renewed."""
    table = Table(colour=_wants_colour(sys.stdout))
    report = run_conformance(target, only, lambda finding: print(table.row(finding), flush=True))
    print(f"\n{table.end(report)}")
    return report


def _wants_colour(stream: TextIO) -> bool:
    """On a terminal that can, unless NO_COLOR (https://no-color.org) is set to anything."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r}: a time-out is more than 0 and at most {MAX_SECONDS:g} seconds")
    return seconds
