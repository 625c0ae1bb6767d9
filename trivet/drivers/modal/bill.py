"""What an app costs, has cost and could cost. Cents; Modal bills each container by the second, from its own meter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trivet.drivers.modal.account import Account
from trivet.drivers.modal.site import MANAGED, OURS
from trivet.drivers.rented.bill import HOUR, dollars
from trivet.errors import BudgetError, CloudError
from trivet.render.modal import ModalApp

MONTH_HOURS = 31 * 24.0
# A preview without a token; and what a plan without reports is told.
WITHOUT_A_REPORT = frozenset({"no-token", "PermissionDeniedError", "UnimplementedError"})


@dataclass(frozen=True)
class Money:
    """Of an app. `spent`: by all apps of ours since the month began (UTC); None where Modal does not say."""

    cents_per_hour: float
    hours: float
    most: float
    spent: float | None

    def shown(self) -> dict[str, str]:
        """For people: dollars."""
        return {
            "pricePerHour": dollars(self.cents_per_hour),
            "worstCase": dollars(self.most),
            "monthToDate": "unknown" if self.spent is None else dollars(self.spent),
        }


def money(app: ModalApp, account: Account, now: datetime) -> Money:
    """What it costs, and at worst: every container that it may have, at work until the app's time is over.

    One without a bound costs a whole month again and again, however little is left of the one in which it is deployed.

    Raises:
        BudgetError: that could exceed the budget; the message has the arithmetic.
        CloudError: Modal refuses; or there is a budget, and nobody says what of it is spent.
    """
    hours = MONTH_HOURS if app.ttl is None else app.ttl / HOUR
    most = app.cents_per_hour * app.autoscaler.max_containers * hours * app.multiplier
    found = Money(app.cents_per_hour, hours, most, _spent(app, account, now))
    if app.budget_cents is None or found.spent is None or found.spent + most <= app.budget_cents:
        return found
    raise BudgetError(
        where=app.name,
        value=f"{app.autoscaler.max_containers} × {dollars(app.cents_per_hour)}/h × {hours:.4g} h × {app.multiplier:g} "
        f"= {dollars(most)}, and {dollars(found.spent)} spent this month, make {dollars(found.spent + most)}",
        rule=f"the month's worst case stays within {dollars(app.budget_cents)} (modal.monthlyBudget)",
        remedy="lower modal.ttlHours or modal.maxContainers, choose a cheaper GPU, or raise the budget",
    )


def month_to_date(account: Account, environment: str | None, now: datetime) -> dict[str, float]:
    """What each app of ours has cost since the calendar month began (UTC), by its name, from Modal's own report.

    Modal reports whole hours: what ran in this one is not in it yet.

    Raises:
        CloudError: Modal refuses, or its plan has no reports.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    month, hour = midnight.replace(day=1), now.replace(minute=0, second=0, microsecond=0)
    spans = [("d", month, midnight), ("h", midnight, hour)]
    spent: dict[str, float] = {}
    for resolution, start, end in spans:
        for item in _report(account, environment, resolution, start, end) if start < end else ():
            if item.tags.get(MANAGED) == OURS:
                spent[item.description] = spent.get(item.description, 0.0) + float(item.cost) * 100
    return spent


def _report(account: Account, environment: str | None, resolution: str, start: datetime, end: datetime) -> list[Any]:
    with account.plainly("billing report"):
        report: list[Any] = account.environment(environment).billing.report(
            start=start, end=end, resolution=resolution, tag_names=[MANAGED]
        )
    return report


def _spent(app: ModalApp, account: Account, now: datetime) -> float | None:
    try:
        found: Mapping[str, float] = month_to_date(account, app.environment, now)
    except CloudError as exc:
        if app.budget_cents is None and exc.code in WITHOUT_A_REPORT:
            return None
        raise
    return sum(found.values())
