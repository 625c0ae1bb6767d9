"""Run the checks, one after the other, and write down what they found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from trivet.conformance.access import UNAUTHORIZED
from trivet.conformance.breach import BreachError, InapplicableError, NoReplyError
from trivet.conformance.catalogue import CHECKS
from trivet.conformance.check import Check
from trivet.conformance.examination import Examination
from trivet.conformance.http import Connection
from trivet.conformance.report import Finding, Report, Result, is_green
from trivet.conformance.routes import IDENTITY
from trivet.conformance.said import Identity
from trivet.conformance.target import SUFFIX, Target, base_url
from trivet.errors import ConformanceError

SHOWN = 400


def run_conformance(
    target: Target, only: Sequence[str] = (), observe: Callable[[Finding], None] = lambda _: None
) -> Report:
    """Examine a stack; `observe` is told each finding as it is made.

    Args:
        target: where it is and what it should be.
        only: ids or themes of the checks to run; all, when there are none.
        observe: for progress.

    Raises:
        ConformanceError: it cannot be examined: nobody answers, the key opens nothing, or its quota is used up.
    """
    checks = select(only)
    started = datetime.now(UTC)
    begun = time.perf_counter()
    with Connection(base_url(target.url), target.timeout) as connection:
        examination = Examination(target, connection)
        _require_open(examination)
        said = _said(examination)
        findings = []
        for check in checks:
            findings.append(_examine(check, examination))
            observe(findings[-1])
    return Report(
        url=connection.base + SUFFIX,
        started=started.isoformat(timespec="seconds"),
        seconds=_seconds_since(begun),
        tier=said.tier if said else "",
        region=said.region if said else "",
        team=said.caller.team if said else "",
        spec_digest=said.spec_digest if said else "",
        lock_digest=said.lock_digest if said else "",
        ok=is_green(tuple(findings)),
        findings=tuple(findings),
    )


def select(only: Sequence[str]) -> tuple[Check, ...]:
    """The checks that the names stand for: ids, or themes.

    Raises:
        ConformanceError: a name stands for none.
    """
    known = {name for check in CHECKS for name in (check.id, check.theme)}
    unknown = sorted(set(only) - known)
    if unknown:
        raise ConformanceError(
            where="--only",
            value=", ".join(unknown),
            rule="a check is named by its id or its theme",
            remedy=f"name some of: {', '.join(dict.fromkeys(check.theme for check in CHECKS))}; "
            "or an id, as docs/reference/conformance.md lists them",
        )
    return tuple(check for check in CHECKS if not only or {check.id, check.theme} & set(only))


def _require_open(examination: Examination) -> None:
    """A stack that nobody can enter is not examined: one clear error says more than thirty failures."""
    connection = examination.connection
    try:
        reply = connection.send("GET", IDENTITY, key=examination.access.key)
    except NoReplyError as exc:
        raise ConformanceError(
            where=connection.base,
            value=str(exc),
            rule="a stack that is examined can be reached over HTTP",
            remedy="check the URL, and that the stack is up (`pulumi up`, then `pulumi stack output url`)",
        ) from exc
    if reply.status == UNAUTHORIZED:
        raise ConformanceError(
            where=connection.base,
            value="401",
            rule="the stack accepts the key in the file",
            remedy="pass the key file of this stack (`pulumi stack output keyFile`)",
        )


def _said(examination: Examination) -> Identity | None:
    """Who the stack says it is, for the head of the report; the checks say what is wrong with it."""
    try:
        return examination.access.identity()
    except BreachError:
        return None


def _examine(check: Check, examination: Examination) -> Finding:
    begun = time.perf_counter()
    result: Result
    try:
        result, seen = "pass", check.examine(examination)
    except BreachError as exc:
        result, seen = "fail", str(exc)
    except InapplicableError as exc:
        result, seen = "not-applicable", str(exc)
    return Finding(
        check=check.id,
        rule=check.rule,
        result=result,
        seen=_shown(seen, examination),
        remedy=check.remedy if result == "fail" else "",
        seconds=_seconds_since(begun),
    )


def _shown(text: str, examination: Examination) -> str:
    """What a report repeats of a stack's words: a keyless beginning."""
    for key in (examination.target.key, examination.target.quota_key):
        text = text.replace(key, "[key]") if key else text
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _seconds_since(begun: float) -> float:
    return round(time.perf_counter() - begun, 3)
