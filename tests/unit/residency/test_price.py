"""What a machine costs: by the tables or by what was agreed, for as long as it runs; within the budget, or refused."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.errors import BudgetError
from trivet.residency import load_tables
from trivet.residency.price import DAYS, Estimate, estimate, monthly_hours, require_budget, weekdays, weekly_hours

TABLES = load_tables()
T4 = TABLES.providers["aws"].offer("af-south-1")


def test_the_tables_price_is_for_the_date_that_they_name() -> None:
    assert T4 is not None
    found = estimate(TABLES, "aws", "af-south-1", "g4dn.xlarge")
    assert (found.hourly, found.dated) == (0.698, T4.dated)
    assert found.monthly == pytest.approx(509.54)
    assert found.text == (
        f"g4dn.xlarge: 0.698 USD/h (price of {T4.dated}) × 730 h a month = 509.54 USD a month at most"
    )


def test_a_price_of_your_own_wins() -> None:
    found = estimate(TABLES, "aws", "af-south-1", "g4dn.xlarge", price=0.5, count=2, hours=100)
    assert (found.monthly, found.dated) == (100, None)
    assert "0.5 USD/h (your price) × 2 × 100 h" in found.text


@pytest.mark.parametrize("region", ["af-south-1", "eu-north-1"])
def test_a_price_that_nobody_knows_is_not_made_up(region: str) -> None:
    found = estimate(TABLES, "aws", region, "m5.xlarge")
    assert (found.hourly, found.monthly) == (None, None)
    assert found.text == "m5.xlarge: its price is not in the tables"
    require_budget(found, 1, where="aws.budget")


def test_what_the_budget_cannot_pay_is_refused_with_the_arithmetic() -> None:
    found = Estimate("x", 3, 2, "USD", date(2026, 1, 1), 100)
    require_budget(found, 600, where="aws.budget")
    with pytest.raises(BudgetError) as caught:
        require_budget(found, 599, where="aws.budget")
    assert "3 × x: 2 USD/h (price of 2026-01-01) × 3 × 100 h a month = 600.00 USD" in str(caught.value)
    assert "budget of 599 USD" in str(caught.value)


@pytest.mark.parametrize(
    ("start", "stop", "days", "hours"),
    [("07:00", "19:00", "MON-FRI", 60), ("22:00", "06:00", "SAT,SUN", 16), ("08:30", "09:00", "FRI-MON", 2)],
)
def test_hours_a_week(start: str, stop: str, days: str, hours: float) -> None:
    assert weekly_hours(start, stop, days) == hours


def test_hours_a_month_are_their_share_of_the_month() -> None:
    assert monthly_hours("00:00", "12:00", "MON-SUN") == 365
    assert monthly_hours("07:00", "19:00", "MON-FRI") == 260.7


@given(st.sampled_from(DAYS), st.sampled_from(DAYS))
def test_a_range_of_days_begins_and_ends_with_those_that_it_names(first: str, last: str) -> None:
    found = weekdays(f"{first}-{last}")
    assert {first, last} <= found
    assert len(found) == (DAYS.index(last) - DAYS.index(first)) % 7 + 1
