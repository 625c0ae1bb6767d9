"""`trivet cost --cloud aws`: every machine and endpoint of ours, and what an hour and a month of it cost now."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module

from trivet.cli.answer import Answer
from trivet.cli.aws import aws_session
from trivet.cli.duration import spoken
from trivet.cli.table_text import columns, paragraph
from trivet.errors import SpecError
from trivet.residency.data import load_tables
from trivet.residency.price import HOURS_A_MONTH, estimate
from trivet.residency.tables import Tables


def cloud_cost(args: argparse.Namespace) -> Answer:
    """Ask AWS what runs, and the dated tables what it costs."""
    tables, now = load_tables(), datetime.now(UTC)
    _require_known(args.region, tables)
    session = aws_session(args.profile)
    running = import_module("trivet.drivers.aws.running").running  # with boto3, of the cloud tier alone
    data, rows, total, unknown = [], [], 0.0, 0
    for each in running(session, args.region):
        cost = estimate(tables, "aws", each.region, each.machine, count=each.count)
        hourly = 0.0 if each.count == 0 else cost.hourly and cost.hourly * each.count
        total, unknown = total + (hourly or 0.0), unknown + (hourly is None)
        age = spoken((now - each.since).total_seconds())
        rows.append(
            (
                each.name,
                f"{each.count} × {each.machine}",
                "price unknown" if hourly is None else f"${hourly:,.3f}/h",
                f"{each.state} in {each.region} for {age}; stack {each.stack.removeprefix('trivet-')}",
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
    summary = (
        f"{len(rows)} of ours, ${total:,.3f} an hour now, ${total * HOURS_A_MONTH:,.2f} a month like this{missing}"
    )
    return Answer(
        lines=[*columns(rows), *paragraph(f"{summary}; disks and traffic are not counted")],
        data={"running": data, "hourly": total, "unknown": unknown},
    )


def _require_known(regions: Sequence[str], tables: Tables) -> None:
    known = tables.providers["aws"].regions.countries
    for region in regions:
        if region not in known:
            raise SpecError(
                where="--region",
                value=region,
                rule="a region is one that the tables know",
                remedy="`trivet residency table aws` lists them",
            )
