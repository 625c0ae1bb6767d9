"""What an examination found: the data behind the table and the whole of the JSON output."""

from __future__ import annotations

from typing import Literal

from trivet.spec.base import Frozen

Result = Literal["pass", "fail", "not-applicable"]


class Finding(Frozen):
    """The result of one check.

    Attributes:
        check: its id, `theme.name`; stable from release to release.
        rule: what must hold, as a sentence.
        result: `not-applicable` always has a reason that the target itself gives.
        seen: the evidence of a pass, what was wrong in a failure, the reason why it does not apply.
        remedy: what to do about a failure; empty otherwise.
        seconds: how long it took.
    """

    check: str
    rule: str
    result: Result
    seen: str
    remedy: str
    seconds: float


class Report(Frozen):
    """The results of one examination. `version` changes when a field changes its meaning or goes.

    Attributes:
        url: of the gateway, ending in `/v1`.
        started: UTC, ISO 8601.
        tier, region, team, spec_digest, lock_digest: as the stack reports them; empty if it does not.
    """

    version: Literal[1] = 1
    url: str
    started: str
    seconds: float
    tier: str
    region: str
    team: str
    spec_digest: str
    lock_digest: str
    ok: bool
    findings: tuple[Finding, ...]

    def count(self, result: Result) -> int:
        """How many checks ended so."""
        return sum(finding.result == result for finding in self.findings)


def is_green(findings: tuple[Finding, ...]) -> bool:
    """True when nothing failed and something passed: a report that examined nothing proves nothing."""
    results = {finding.result for finding in findings}
    return "fail" not in results and "pass" in results
