"""Audit: it grows by exactly the requests that were made, however they ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

from trivet.conformance.asks import asks_of_each_kind
from trivet.conformance.bad_requests import malformed_json, unknown_model, unknown_route
from trivet.conformance.breach import BreachError, InapplicableError, require
from trivet.conformance.check import Check
from trivet.conformance.examination import Examination
from trivet.conformance.http import Reply
from trivet.conformance.routes import MODELS
from trivet.conformance.row_count import RowCount

REMEDY = "run `trivet audit verify` on the host, and look at the gateway's log"
ATTEMPTS = 3
QUIET_SECONDS = 0.3
LOOKS = 5


def _rows(examination: Examination) -> str:
    """While it counts, nobody else may use the team's keys: where somebody does, nothing exact can be said.

    Too many rows may be somebody else's, so they are counted again; rows that are missing are nobody's.
    """
    # Made before anything is counted: making it may ask the stack who the caller is.
    plan = _plan(examination)
    made, seen = len(plan), []
    for _ in range(ATTEMPTS):
        if not _quiet(examination):
            continue
        before = examination.access.identity().audit
        rows = RowCount(examination.access)
        for send in plan:
            send()
        gained = rows.settled(made)
        if gained == made:
            after = examination.access.identity().audit
            require(after.head != before.head, f"{made} requests, and the audit's head is still {before.head}")
            require(after.rows - before.rows >= made, f"{made} requests, and {after.rows - before.rows} rows in all")
            return f"{made} requests, {gained} rows"
        seen.append(f"{made} requests gave {gained} rows")
        if gained < made:
            break
    if not seen:
        raise InapplicableError(
            f"team {examination.access.caller.team} has other traffic, so nothing exact can be counted"
        )
    raise BreachError("; ".join(seen))


def _quiet(examination: Examination) -> bool:
    """True when nobody else uses the team's keys. Other traffic does not keep step with looks that follow at once."""
    rows = RowCount(examination.access)
    counts = [rows.gained() for _ in range(LOOKS)]
    steps = {after - before for before, after in pairwise(counts)}
    require(len(steps) > 1 or steps == {0}, f"each look at the audit, one request, makes {1 + min(steps)} rows")
    time.sleep(QUIET_SECONDS)
    return rows.gained() == 0


def _plan(examination: Examination) -> list[Callable[[], Reply]]:
    """One request of each kind: answered, streamed, cut off, refused in several ways."""
    access = examination.access
    plan: list[Callable[[], Reply]] = [partial(access.get, MODELS)]
    for ask in asks_of_each_kind(access):
        plan.append(partial(access.post, ask.path, ask.body))
        if ask.stream:
            plan.append(partial(access.post, ask.path, ask.body, hang_up=True))
    refused = [*unknown_model(examination), *malformed_json(examination), *unknown_route(examination)]
    return plan + [partial(request.send, examination) for request in refused]


CHECKS = (Check("audit.rows", "The audit grows by exactly the requests that were made.", REMEDY, _rows),)
