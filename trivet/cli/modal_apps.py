"""Modal's part of `trivet cost` and `trivet reap`: the apps of ours in the token's environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from trivet.cli.answer import Answer
from trivet.cli.duration import spoken
from trivet.cli.table_text import paragraph
from trivet.drivers.modal.account import Account
from trivet.drivers.modal.bill import month_to_date
from trivet.drivers.modal.reaper import SeenApp, judge_app, reap_apps, seen_apps
from trivet.drivers.rented.bill import dollars
from trivet.errors import CloudError, TrivetError


def beside(answer: Answer | None, part: Callable[[], Answer]) -> Answer:
    """An answer about Lambda's nodes, if there is one, with Modal's part after it; either may fail by itself."""
    try:
        more = part()
    except TrivetError as exc:
        more = Answer(str(exc).splitlines(), {"modal": str(exc.value)}, ok=False)
    if answer is None:
        return more
    return Answer([*answer.lines, *more.lines], {**answer.data, **more.data}, ok=answer.ok and more.ok)


def cost() -> Answer:
    """Every app: age, what it cost this month, and what will end it and when."""
    now = datetime.now(UTC)
    with _open() as account:
        apps = seen_apps(account)
        try:
            spent, note = month_to_date(account, None, now), "Modal's report, which has whole hours"
        except CloudError as exc:
            spent, note = {}, f"Modal does not say what they cost: {exc.value}"
    lines, data = [], []
    for app in apps:
        cents = spent.get(app.name, 0.0)
        price = f"{dollars(app.cents_per_hour)}/h each" if app.cents_per_hour is not None else "price unknown"
        age = spoken(now.timestamp() - app.deployed_at) if app.deployed_at else "age unknown"
        lines.append(f"{app.name} on Modal  {price}  {age}  {dollars(cents)}")
        lines += paragraph(f"{app.containers} containers now; {_ends(app, now.timestamp())}", first="    ")
        data.append({"app": app.name, "containers": app.containers, "cents": cents, "expiresAt": app.expires_at})
    total = sum(spent.values())
    lines += paragraph(f"{len(apps)} apps of ours on Modal; all of ours cost {dollars(total)} this month ({note})")
    return Answer(lines, {"apps": data, "centsThisMonthOnModal": total})


def reap(*, dry_run: bool) -> Answer:
    """Stop what outlives its time, and scale down what stays up without consent."""
    with _open() as account:
        verdicts, failures = reap_apps(account, datetime.now(UTC).timestamp(), dry_run=dry_run)
    lines = []
    for verdict in verdicts:
        name = verdict.app.name
        action = f"FAILED ({failures[name]})" if name in failures else verdict.action
        lines.append(f"{action:<5} {name} on Modal: {verdict.why}")
    acted = sum(verdict.action != "keep" for verdict in verdicts) - len(failures)
    lines.append(f"{len(verdicts)} apps of ours, {acted} to end or ended, {len(failures)} failures")
    apps = [{"app": each.app.name, "action": each.action, "why": each.why} for each in verdicts]
    return Answer(lines, {"apps": apps, "appFailures": failures}, ok=not failures)


def _ends(app: SeenApp, now: float) -> str:
    verdict = judge_app(app, now)
    if verdict.action != "keep":
        return f"next `trivet reap`: {verdict.action}, {verdict.why}"
    window = f"each ends after {app.autoscaler.scaledown_window} s idle"
    if app.autoscaler.min_containers or app.autoscaler.buffer_containers:
        window = f"{app.autoscaler.min_containers + app.autoscaler.buffer_containers} stay up by consent, others idle"
    if app.expires_at is None:
        return f"{window}; the app has no end (modal.ttlHours)"
    return f"{window}; the app is stopped by a reaper at {_at(app.expires_at)}"


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


@contextmanager
def _open() -> Iterator[Account]:
    account = Account()
    try:
        yield account
    finally:
        account.close()
