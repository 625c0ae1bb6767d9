"""`trivet cost --cloud aws`: every machine and endpoint of ours, and what an hour and a month of it cost now."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from importlib import import_module

from trivet.cli.answer import Answer
from trivet.cli.aws import aws_session
from trivet.cli.duration import spoken
from trivet.cli.table_text import columns
from trivet.residency.data import load_tables
from trivet.residency.price import estimate


def cloud_cost(args: argparse.Namespace) -> Answer:
    """Ask AWS what runs, and the dated tables what it costs."""
    session = aws_session(args.profile)
    running = import_module("trivet.drivers.aws.running").running  # with boto3, of the cloud tier alone
    tables, now = load_tables(), datetime.now(UTC)
    data, rows, total, unknown = [], [], 0.0, 0
    for each in running(session, args.region):
        cost = estimate(tables, "aws", each.region, each.machine, count=each.count)
        hourly = 0.0 if each.count == 0 else cost.hourly and cost.hourly * each.count
        total, unknown = total + (hourly or 0.0), unknown + (hourly is None)
        rows.append(
            (
                each.name,
                each.stack.removeprefix("trivet-"),
                f"{each.count} × {each.machine} in {each.region}",
                "price unknown" if hourly is None else f"${hourly:,.3f}/h",
                spoken((now - each.since).total_seconds()),
                each.state,
            )
        )
        data.append(
            {
                "name": each.name,
                "stack": each.stack,
                "region": each.region,
                "machine": each.machine,
                "count": each.count,
                "state": each.state,
                "since": each.since.isoformat(),
                "hourly": hourly,
                "dated": cost.dated.isoformat() if cost.dated else None,
            }
        )
    missing = f", and {unknown} whose price is not in the tables" if unknown else ""
    summary = f"{len(rows)} of ours, ${total:,.3f} an hour now, ${total * 730:,.2f} a month like this{missing}"
    return Answer(
        lines=[*columns(rows), f"{summary}; disks and traffic are not counted"],
        data={"running": data, "hourly": total, "unknown": unknown},
    )
