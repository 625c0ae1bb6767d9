"""Hours as cron expressions: five fields and a year, days by name."""

from __future__ import annotations

import pytest

from trivet.render.aws_hours import start_and_stop
from trivet.spec.aws import Hours


@pytest.mark.parametrize(
    ("start", "stop", "days", "crons"),
    [
        ("07:00", "19:30", "MON-FRI", ("cron(0 7 ? * MON,TUE,WED,THU,FRI *)", "cron(30 19 ? * MON,TUE,WED,THU,FRI *)")),
        ("22:00", "06:05", "FRI-SUN", ("cron(0 22 ? * FRI,SAT,SUN *)", "cron(5 6 ? * MON,SAT,SUN *)")),
        ("00:00", "23:59", "SUN", ("cron(0 0 ? * SUN *)", "cron(59 23 ? * SUN *)")),
    ],
)
def test_it_starts_and_stops_on_its_days_and_after_midnight_on_the_next(
    start: str, stop: str, days: str, crons: tuple[str, str]
) -> None:
    found = start_and_stop(Hours(start=start, stop=stop, days=days))
    assert tuple(found.values()) == crons
