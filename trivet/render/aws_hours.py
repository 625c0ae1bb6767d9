"""Hours of a machine as EventBridge Scheduler writes them."""

from __future__ import annotations

from trivet.residency.price import DAYS, weekdays
from trivet.spec.aws import Hours


def start_and_stop(hours: Hours) -> dict[str, str]:
    """The cron expression of each action; a machine that runs over midnight is stopped on the days after."""
    days = weekdays(hours.days)
    over_midnight = hours.stop < hours.start
    after = {DAYS[(DAYS.index(day) + 1) % len(DAYS)] for day in days} if over_midnight else days
    return {"start": _cron(hours.start, days), "stop": _cron(hours.stop, after)}


def _cron(time: str, days: frozenset[str] | set[str]) -> str:
    hour, minute = time.split(":")
    return f"cron({int(minute)} {int(hour)} ? * {','.join(sorted(days, key=DAYS.index))} *)"
