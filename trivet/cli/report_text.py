"""A residency report, as people read it."""

from __future__ import annotations

from trivet.cli.table_text import paragraph
from trivet.residency import Finding, Report
from trivet.residency.report import Reach


def report_lines(report: Report) -> list[str]:
    """The whole report, the refused assets first."""
    lines = paragraph(f"{report.title} (mode {report.mode}; {report.today})", first=f"{report.regime}  ")
    for finding in (*report.refused, *(each for each in report.findings if each.verdict != "refused")):
        lines += finding_lines(finding)
    lines.append(f"{len(report.findings)} assets, {len(report.refused)} refused")
    for reach in report.cloud_act:
        lines += paragraph(_reach_text(reach), first="CLOUD Act  ")
    return lines


def finding_lines(finding: Finding) -> list[str]:
    """One asset: its verdict and, unless it is plainly allowed, why."""
    place = ", ".join(finding.countries) or "?"
    asset = finding.asset
    at = f"{asset.place} ({place})" if asset.provider else place
    lines = paragraph(f"{asset.kind}: {asset.name}, {at}", first=f"{finding.verdict:<9} ")
    if finding.verdict != "allowed":
        lines += paragraph(f"{finding.because} [{finding.article}]", first=" " * 10)
    if finding.verdict == "refused":
        lines += paragraph(finding.remedy, first=f"{'':10}remedy: ")
    return lines


def _reach_text(reach: Reach) -> str:
    if reach.reached is None:
        return f"{reach.operator}: unknown; set operatorParent to the parent company's jurisdiction"
    does = "reaches" if reach.reached else "does not reach"
    return f"18 USC 2713 {does} {reach.operator} (parent jurisdiction {reach.parent})"
