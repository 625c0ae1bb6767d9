"""Quotas: a team of its own, with a small budget, is given more requests than it may make."""

from __future__ import annotations

from trivet.conformance.access import OK, TOO_MANY
from trivet.conformance.breach import require
from trivet.conformance.burst import WINDOW_SECONDS, retry_after
from trivet.conformance.check import Check
from trivet.conformance.examination import Examination
from trivet.conformance.shapes import ErrorBody, read_shape

REMEDY = "check gateway.teams in the spec, and that one gateway alone counts a team's requests"
AUDIT = "run `trivet audit verify` on the host"


def _budget(examination: Examination) -> str:
    burst = examination.burst
    odd = sorted({reply.status for reply in burst.replies} - {OK, TOO_MANY})
    require(not odd, f"requests that nothing is wrong with were answered with {', '.join(map(str, odd))}")
    made = f"{burst.admitted} of {len(burst.replies)} requests admitted in {burst.seconds:.1f} s"
    require(burst.admitted <= burst.budget, f"{made}; team {burst.team} may make {burst.budget} a minute")
    least = 1 if burst.left is None else min(burst.left, burst.budget)
    require(burst.admitted >= least, f"{made}; team {burst.team} could still make {least}")
    return f"{made}; the budget is {burst.budget}"


def _refusal(examination: Examination) -> str:
    refused = examination.burst.refused
    require(bool(refused), f"none of {len(examination.burst.replies)} requests was refused with 429")
    for reply in refused:
        wait = retry_after(reply)
        require(wait is not None, f"429 with Retry-After {reply.headers.get('retry-after', 'absent')}")
        require(wait is None or 1 <= wait <= WINDOW_SECONDS, f"429 with Retry-After {wait}: not within a minute")
        read_shape(ErrorBody, reply)
    return f"{len(refused)} refused with 429 and Retry-After"


def _audited(examination: Examination) -> str:
    burst = examination.burst
    require(burst.audited == burst.sent, f"{burst.sent} requests gave {burst.audited} rows")
    return f"{burst.sent} requests, {burst.audited} rows"


CHECKS = (
    Check("quotas.budget", "A team is admitted as often as its quota says, and never more often.", REMEDY, _budget),
    Check("quotas.refusal", "What is over the quota is refused with 429 and Retry-After.", REMEDY, _refusal),
    Check("quotas.audit", "Requests that a quota stops are audited like all others.", AUDIT, _audited),
)
