"""`verify` on the command line: `trivet audit` and `python3 -m trivet_gateway.audit` share it."""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from dataclasses import asdict
from pathlib import Path

from trivet_gateway.audit.verify import Report, parse_head, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `verify`."""
    parser.add_argument("database", type=Path, metavar="DB", help="the audit database, audit.sqlite")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--expect-head",
        action="append",
        default=[],
        metavar="N:HASH",
        help="a head that was filed elsewhere; the chain must go through it (may be repeated)",
    )


def run(options: argparse.Namespace) -> int:
    """Verify and print. 0: the chain holds; 1: it is broken; 2: it could not be read."""
    try:
        report = verify(options.database, [parse_head(text) for text in options.expect_head])
    except (OSError, ValueError, sqlite3.Error) as error:
        print(f"{options.database}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(asdict(report), indent=2) if options.json else describe(options.database, report))
    return 1 if report.broken else 0


def describe(path: Path, report: Report) -> str:
    """The report in words."""
    if report.broken:
        return (
            f"{path}: BROKEN at row {report.broken.seq}: {report.broken.reason}\n"
            f"rows before it that hold: {report.rows}\n"
            "Keep this file as evidence, and compare it with a backup or with a head that was filed elsewhere."
        )
    return (
        f"{path}: the chain holds\nrows: {report.rows}\nin flight: {report.in_flight}\nhead: {report.head}\n"
        "File the head elsewhere; --expect-head then shows a chain that was written anew."
    )
