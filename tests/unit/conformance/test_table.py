"""The table fits 80 columns and says of a failure what was seen and what to do."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from trivet.conformance import CHECKS, Finding, Report
from trivet.conformance.report import Result
from trivet.conformance.table import Table


def finding(result: Result, seen: str = "seen", remedy: str = "") -> Finding:
    return Finding(check="streaming.early", rule="It holds.", result=result, seen=seen, remedy=remedy, seconds=0.1)


def report(*findings: Finding, ok: bool = True) -> Report:
    return Report(
        url="http://h/v1", started="2026-01-01T00:00:00+00:00", seconds=1.25, tier="onprem", region="za-office",
        team="default", spec_digest="sha256:" + "a" * 64, lock_digest="sha256:" + "b" * 64, ok=ok, findings=findings,
    )  # fmt: skip


def test_a_pass_is_one_row_with_its_evidence() -> None:
    assert Table().row(finding("pass", "2 streams")) == "ok      streaming.early           2 streams"


def test_a_failure_says_rule_value_and_remedy() -> None:
    assert Table().row(finding("fail", "nothing came", "look")).splitlines() == [
        "FAIL    streaming.early           It holds.",
        "        nothing came",
        "        remedy: look",
    ]


def test_what_does_not_apply_says_why() -> None:
    assert Table().row(finding("not-applicable", "no spec")).splitlines() == [
        "n/a     streaming.early           It holds.",
        "        no spec",
    ]


def test_the_end_counts_and_judges() -> None:
    lines = Table().end(report(finding("pass"), finding("fail"), finding("not-applicable"), ok=False)).splitlines()
    assert lines[-1] == "DOES NOT CONFORM: 1 passed, 1 failed, 1 not applicable in 1.2 s"
    assert lines[-2] == "tier onprem, region za-office, team default"
    assert Table().end(report(finding("pass"))).splitlines()[-1].startswith("conforms: 1 passed")


@given(seen=st.text(max_size=400), result=st.sampled_from(["pass", "fail", "not-applicable"]))
def test_no_row_is_wider_than_the_terminal(seen: str, result: Result) -> None:
    row = Table().row(finding(result, " ".join(seen.split()), "mend it " * 30))
    assert max(map(len, row.split("\n"))) <= 80


def test_the_rules_of_all_checks_fit() -> None:
    for check in CHECKS:
        row = Table().row(
            Finding(check=check.id, rule=check.rule, result="fail", seen="", remedy=check.remedy, seconds=0)
        )
        assert max(map(len, row.split("\n"))) <= 80
        assert len(check.id) <= 25


def test_colour_is_only_there_when_it_is_wanted() -> None:
    coloured = Table(colour=True)
    for result in ("pass", "fail", "not-applicable"):
        assert "\x1b[" in coloured.row(finding(result))
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.row(finding(result))) == Table().row(finding(result))
    assert "\x1b[" in coloured.end(report(finding("pass")))
