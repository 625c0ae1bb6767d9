"""`trivet residency audit`: what exists in the cloud, read back and judged like what is about to be made."""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import UTC, datetime

from trivet.cli.answer import Answer
from trivet.cli.inventories import read_inventory
from trivet.cli.project import project_of
from trivet.cli.report_text import finding_lines
from trivet.residency import Asset, check, load_regime, load_tables
from trivet.residency.resources import resource_assets


def run_audit(args: argparse.Namespace) -> Answer:
    """What lies where the regime does not allow it; what cannot be read is an error."""
    project = project_of(args)
    residency = project.spec().residency
    regime = load_regime(args.regime or residency.regime, project.root)
    tables = load_tables()
    found = read_inventory(args.cloud, profile=args.profile, scope=args.scope)
    assets: list[Asset] = []
    for each in found:
        assets += resource_assets(each.kind, each.name, each.properties, {"region": each.region}, tables)
    report = check(assets, regime, residency, tables, today=datetime.now(UTC).date())
    lines = [line for finding in report.refused for line in finding_lines(finding)]
    where = Counter(each.region for each in found)
    lines.append(f"{regime.name}: {len(found)} things in {len(where)} regions, {len(report.refused)} refused")
    return Answer(
        lines=lines,
        data={"things": len(found), "regions": dict(where), **report.model_dump(mode="json", by_alias=True)},
        ok=report.lawful,
    )
