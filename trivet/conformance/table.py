"""Findings as a person reads them: one row a check, what was seen under those that did not pass, 80 columns."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from trivet.conformance.report import Finding, Report, Result

WIDTH = 80
INDENT = 8
ID_WIDTH = 25
MARKS: dict[Result, str] = {"pass": "ok", "fail": "FAIL", "not-applicable": "n/a"}
COLOURS: dict[Result, str] = {"pass": "\x1b[32m", "fail": "\x1b[1;31m", "not-applicable": "\x1b[33m"}
PLAIN = "\x1b[0m"


@dataclass(frozen=True)
class Table:
    """How to write it; `colour` only for a terminal that wants it."""

    colour: bool = False

    def row(self, finding: Finding) -> str:
        """One check. Below a failure stand what is wrong and what to do, below what does not apply the reason."""
        mark = self._mark(finding.result)
        if finding.result == "pass":
            return _lines(f"{finding.check:<{ID_WIDTH}} {finding.seen}", mark, INDENT + ID_WIDTH + 1)
        parts = [_lines(f"{finding.check:<{ID_WIDTH}} {finding.rule}", mark, INDENT + ID_WIDTH + 1)]
        parts.append(_lines(finding.seen, " " * INDENT, INDENT))
        if finding.remedy:
            parts.append(_lines(f"remedy: {finding.remedy}", " " * INDENT, INDENT))
        return "\n".join(parts)

    def end(self, report: Report) -> str:
        """What was examined, and the sum."""
        who = f"tier {report.tier or '?'}, region {report.region or '?'}, team {report.team or '?'}"
        counts = [f"{report.count('pass')} passed", f"{report.count('fail')} failed"]
        counts.append(f"{report.count('not-applicable')} not applicable")
        verdict = "conforms" if report.ok else "DOES NOT CONFORM"
        colour = COLOURS["pass" if report.ok else "fail"] if self.colour else ""
        lines = [
            f"spec {report.spec_digest or '?'}",
            f"lock {report.lock_digest or '?'}",
            who,
            f"{colour}{verdict}{PLAIN if colour else ''}: {', '.join(counts)} in {report.seconds:.1f} s",
        ]
        return "\n".join(lines)

    def _mark(self, result: Result) -> str:
        text = f"{MARKS[result]:<{INDENT}}"
        return f"{COLOURS[result]}{text}{PLAIN}" if self.colour else text


def _lines(text: str, first: str, indent: int) -> str:
    """Wrapped to the width, hanging; `first` is what stands before the first line and is INDENT columns wide."""
    wrapped = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * INDENT,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
    wrapped = wrapped or [""]
    return "\n".join([first + wrapped[0][INDENT:], *wrapped[1:]])
