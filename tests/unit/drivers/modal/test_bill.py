"""What an app on Modal costs, has cost and could cost, held against the fake's own meter."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.modal.meter import Use, rate
from tests.unit.drivers.modal.place import Place
from trivet.drivers.modal import deploy, remove
from trivet.drivers.modal.bill import money, month_to_date
from trivet.errors import BudgetError

HOUR = 3600
NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
MONTH = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
OURS = {"managed-by": "trivet"}
MINUTE_OF_H100 = 395 * 1.75 / 60  # cents


def test_the_worst_case_is_every_container_until_the_app_s_time_is_over(place: Place) -> None:
    app = place.app(ttlHours=8.0, maxContainers=2, multiplier=1.2)
    found = money(app, place.account, NOW)
    assert found.hours == 8
    assert found.most == pytest.approx(app.cents_per_hour * 2 * 8 * 1.2)
    assert found.shown()["monthToDate"] == "$0.00"


@pytest.mark.parametrize("now", [NOW, datetime(2026, 11, 30, 23, 59, tzinfo=UTC)])
def test_however_little_is_left_of_the_month_it_is_the_app_s_whole_time_or_a_whole_month(
    place: Place, now: datetime
) -> None:
    assert money(place.app(), place.account, now).hours == 31 * 24
    assert money(place.app(ttlHours=720.0), place.account, now).hours == 720
    app = place.app(monthlyBudget=100.0).model_copy(update={"cents_per_hour": 50.0})
    with pytest.raises(BudgetError, match=r"1 × \$0\.50/h × 744 h × 1 = \$372\.00"):
        money(app, place.account, now)


def test_over_the_budget_it_is_refused_with_the_arithmetic(place: Place) -> None:
    place.fake.account.meter.uses = [Use("ap-1", "trivet-other", OURS, 0.001, MONTH, MONTH + HOUR)]
    app = place.app(ttlHours=10.0, monthlyBudget=1.0).model_copy(update={"cents_per_hour": 50.0})
    with pytest.raises(BudgetError) as refused:
        money(app, place.account, NOW)
    said = "1 × $0.50/h × 10 h × 1 = $5.00, and $3.60 spent this month, make $8.60"
    assert said in str(refused.value)
    assert money(app.model_copy(update={"budget_cents": 861}), place.account, NOW).spent == pytest.approx(360)


def test_what_is_not_ours_is_not_counted(place: Place) -> None:
    place.fake.account.meter.uses = [Use("ap-1", "theirs", {}, 0.001, MONTH, MONTH + HOUR)]
    assert month_to_date(place.account, None, NOW) == {}


def test_the_price_is_the_meter_s(place: Place) -> None:
    deploy(place.site(), None)
    app = place.fake.account.deployed("trivet-unit")
    assert app is not None
    assert rate(app.published["serve"].function) * HOUR * 100 == pytest.approx(place.app().cents_per_hour, rel=0.001)
    assert app.tags["cents-per-hour"] == f"{place.app().cents_per_hour:.2f}"


def test_a_container_s_life_is_on_the_meter_from_its_start_to_its_end(place: Place) -> None:
    deploy(place.site(), None)
    (use,) = place.fake.account.meter.uses
    assert (use.app, use.end) == ("trivet-unit", None)
    remove(place.site())
    assert use.end is not None


LIVES = st.lists(st.tuples(st.integers(0, 20 * 24 * HOUR), st.integers(1, 40 * HOUR)), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=LIVES)
def test_once_its_hours_are_over_the_estimate_is_the_meter_s_within_a_minute(
    place: Place, lives: list[tuple[int, int]]
) -> None:
    meter = place.fake.account.meter
    spans = [(MONTH + start, MONTH + start + life) for start, life in lives]
    meter.uses = [Use("ap-1", "trivet-unit", OURS, 0.0019, *span) for span in spans]
    found = month_to_date(place.account, None, NOW).get("trivet-unit", 0.0)
    whole = NOW.replace(minute=0).timestamp()
    assert found == pytest.approx(100 * meter.dollars(MONTH, whole), abs=MINUTE_OF_H100)
