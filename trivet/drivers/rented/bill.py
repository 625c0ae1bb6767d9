"""What nodes cost, have cost and could cost. Cents; a provider's price of an hour, billed by the minute begun."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from trivet.drivers.compute import Offer
from trivet.drivers.rented.ledger import Launch
from trivet.errors import BudgetError

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Budget:
    """`cents_per_month`: the most that a calendar month (UTC) may cost; `multiplier`: on the list price (taxes, …)."""

    cents_per_month: int
    multiplier: float = 1.0


def worst_case(offer: Offer, ttl: int, multiplier: float) -> float:
    """What a node costs that lives for its whole time."""
    return offer.cents_per_hour * ttl / HOUR * multiplier


def cost(launch: Launch, start: float, end: float) -> float:
    """What a launch costs from `start` to `end`, seconds since 1970.

    The bill begins when the node is active. Where nobody saw when that was, the launch counts: then this is the most
    that it can have been. A node that nobody saw ending ended at its `ends_by`, at the latest.
    """
    if launch.node_id is None:
        return 0.0
    begin = launch.active_at or launch.launched_at
    over = launch.ended_at if launch.ended_at is not None else launch.ends_by
    seconds = min(over, end) - max(begin, start)
    return math.ceil(seconds / MINUTE) * launch.cents_per_hour / 60 if seconds > 0 else 0.0


def month_to_date(launches: Iterable[Launch], now: float) -> float:
    """What launches have cost since the calendar month began (UTC)."""
    month = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return sum(cost(launch, month.timestamp(), now) for launch in launches)


def require_budget(budget: Budget, offer: Offer, ttl: int, spent: float) -> None:
    """Refuse what could exceed the budget.

    Raises:
        BudgetError: with the arithmetic.
    """
    most = worst_case(offer, ttl, budget.multiplier)
    if spent + most <= budget.cents_per_month:
        return
    raise BudgetError(
        where=f"{offer.kind} in {offer.region}",
        value=f"{dollars(offer.cents_per_hour)}/h × {ttl / HOUR:g} h × {budget.multiplier:g} = {dollars(most)}, and "
        f"{dollars(spent)} spent this month, make {dollars(spent + most)}",
        rule=f"the month's worst case stays within {dollars(budget.cents_per_month)} (lambda.monthlyBudget)",
        remedy="lower lambda.ttlHours, choose a cheaper instance type, or raise the budget",
    )


def dollars(cents: float) -> str:
    """As people write it."""
    return f"${cents / 100:,.2f}"
