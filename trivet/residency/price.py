"""What a machine costs: an hour by the dated tables or by what was agreed, a month by the hours that it runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from trivet.errors import BudgetError
from trivet.residency.tables import Tables

HOURS_A_MONTH: Final = 730.0
DAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True)
class Estimate:
    """The most that `count` machines cost.

    Attributes:
        hourly: one machine's price; None where nobody knows it.
        dated: when the tables' price held; None for one of your own.
        hours: how many hours a month it runs.
    """

    machine: str
    count: int
    hourly: float | None
    currency: str
    dated: date | None
    hours: float

    @property
    def monthly(self) -> float | None:
        """All of them, for a month."""
        return None if self.hourly is None else self.hourly * self.count * self.hours

    @property
    def text(self) -> str:
        """The arithmetic."""
        many = f"{self.count} × {self.machine}" if self.count > 1 else self.machine
        if self.hourly is None or self.monthly is None:
            return f"{many}: its price is not in the tables"
        when = f"price of {self.dated}" if self.dated else "your price"
        times = f" × {self.count}" if self.count > 1 else ""
        return (
            f"{many}: {self.hourly:g} {self.currency}/h ({when}){times} × {self.hours:g} h a month"
            f" = {self.monthly:.2f} {self.currency} a month at most"
        )


def estimate(
    tables: Tables,
    provider: str,
    region: str,
    machine: str,
    *,
    count: int = 1,
    price: float | None = None,
    hours: float = HOURS_A_MONTH,
) -> Estimate:
    """What `count` machines cost; `price` is what was agreed with the provider, and wins over the tables."""
    offer = tables.providers[provider].offer(region)
    listed = offer.instances.get(machine) if offer else None
    currency = offer.currency if offer else "USD"
    if price is not None or offer is None or listed is None:
        return Estimate(machine, count, price, currency, None, hours)
    return Estimate(machine, count, listed.price, currency, offer.dated, hours)


def require_budget(estimated: Estimate, budget: float, *, where: str) -> None:
    """Refuse what a month's budget cannot pay; a price that nobody knows cannot be held against it.

    Raises:
        BudgetError: it says the whole arithmetic.
    """
    monthly = estimated.monthly
    if monthly is not None and monthly > budget:
        raise BudgetError(
            where=where,
            value=estimated.text,
            rule=f"a month stays within the budget of {budget:g} {estimated.currency}",
            remedy="raise the budget, let it run for fewer hours, or take a cheaper machine (`trivet choose`)",
        )


def monthly_hours(start: str, stop: str, days: str) -> float:
    """Hours a month, to a tenth, of a machine with such hours (see `weekly_hours`)."""
    return round(weekly_hours(start, stop, days) * HOURS_A_MONTH / (7 * 24), 1)


def weekly_hours(start: str, stop: str, days: str) -> float:
    """Hours a week between two times of day (`07:00`), on days such as `MON-FRI` or `SAT,SUN`; over midnight too."""
    begin, end = (datetime.strptime(text, "%H:%M") for text in (start, stop))  # noqa: DTZ007  # a time of day
    minutes = (end - begin).total_seconds() / 60 % (24 * 60)
    return len(weekdays(days)) * minutes / 60


def weekdays(days: str) -> frozenset[str]:
    """The days that a list of days and ranges names; a range may go over Sunday."""
    found: set[str] = set()
    for part in days.split(","):
        first, _, last = part.partition("-")
        at, to = DAYS.index(first), DAYS.index(last or first)
        found |= {DAYS[(at + step) % len(DAYS)] for step in range((to - at) % len(DAYS) + 1)}
    return frozenset(found)
