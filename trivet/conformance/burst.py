"""More requests at once than a team's quota allows: what was admitted, what was refused, what the audit counted."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice

from trivet.conformance.access import OK, TOO_MANY, Access
from trivet.conformance.asks import Ask, asks_of_each_kind
from trivet.conformance.breach import InapplicableError
from trivet.conformance.http import Reply
from trivet.conformance.row_count import RowCount
from trivet.conformance.shapes import ErrorBody, read_shape

# A burst above this would be a load test.
MAX_BUDGET = 60
OVER = 5
WINDOW_SECONDS = 60.0
# Too many in flight is another bound than too many a minute: such a request is sent again.
PAUSE_SECONDS = 0.02
MAX_TRIES = 250
RATE_LIMIT = "rate_limit_exceeded"
REMAINING = "x-ratelimit-remaining-requests"
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Burst:
    """What came of it.

    Attributes:
        team: whose quota was spent.
        budget: requests that it may make in a minute.
        left: how many of them it could still make at the start; None when the stack does not say.
        replies: the last one to each request.
        sent: requests that went out, with those that were sent again.
        audited: rows of the team that the audit gained.
        seconds: from the first request to the last reply.
    """

    team: str
    budget: int
    left: int | None
    replies: tuple[Reply, ...]
    sent: int
    audited: int
    seconds: float

    @property
    def admitted(self) -> int:
        """Requests that were answered."""
        return sum(reply.status == OK for reply in self.replies)

    @property
    def refused(self) -> tuple[Reply, ...]:
        """Requests that the quota stopped."""
        return tuple(reply for reply in self.replies if reply.status == TOO_MANY)


def spend(access: Access) -> Burst:
    """Send what the team may send in a minute and a few more, as many at a time as it may, each kind in turn.

    Raises:
        InapplicableError: the team's budget is too large for that, or its models too slow.
        BreachError: a request is not answered, or the stack does not say who the team is.
    """
    quota = access.team.quota if access.team else access.caller.quota
    team, budget = access.caller.team, quota.requests_per_minute
    if budget > MAX_BUDGET:
        raise InapplicableError(
            f"team {team} may make {budget} requests a minute; a burst is sent for at most {MAX_BUDGET}"
        )
    asks = asks_of_each_kind(access, max_tokens=1)
    rows = RowCount(access)
    first = _first(access, asks[0])
    started = time.monotonic()
    with ThreadPoolExecutor(min(quota.concurrency, budget + OVER)) as pool:
        tries = list(pool.map(lambda ask: _send(access, ask), islice(cycle(asks), 1, budget + OVER)))
    seconds = time.monotonic() - started + first[-1].seconds
    if seconds >= WINDOW_SECONDS:
        raise InapplicableError(f"the burst took {seconds:.0f} s, in which the budget of a minute is renewed")
    left = first[-1].headers.get(REMAINING, "")
    sent = len(first) + sum(map(len, tries))
    return Burst(
        team=team,
        budget=budget,
        left=int(left) + 1 if left.isdecimal() and first[-1].status == OK else None,
        replies=(first[-1], *(replies[-1] for replies in tries)),
        sent=sent,
        audited=rows.settled(sent),
        seconds=seconds,
    )


def _first(access: Access, ask: Ask) -> list[Reply]:
    """Replies until one is admitted: an earlier examination may have spent the budget, so one wait is granted."""
    replies = _send(access, ask)
    if replies[-1].status == TOO_MANY and (wait := retry_after(replies[-1])) is not None and wait <= WINDOW_SECONDS:
        LOG.warning("waiting %.0f s: an earlier examination spent the quota, which is renewed by then", wait)
        time.sleep(wait)
        replies += _send(access, ask)
    return replies


def _send(access: Access, ask: Ask) -> list[Reply]:
    replies = [access.post(ask.path, ask.body)]
    while _too_many_at_a_time(replies[-1]) and len(replies) < MAX_TRIES:
        time.sleep(PAUSE_SECONDS)
        replies.append(access.post(ask.path, ask.body))
    return replies


def _too_many_at_a_time(reply: Reply) -> bool:
    return reply.status == TOO_MANY and read_shape(ErrorBody, reply).error.code != RATE_LIMIT


def retry_after(reply: Reply) -> int | None:
    """Whole seconds that the reply asks to wait; None when it does not say, or says it otherwise."""
    text = reply.headers.get("retry-after", "")
    return int(text) if text.isdecimal() else None
