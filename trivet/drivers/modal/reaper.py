"""Which apps of ours cost money for nobody, told from what Modal knows of them alone; the rules are without I/O.

An app scales to zero by itself, so two things can leak: one that outlives its time, which anybody may wake, and
containers that stay up without a request though the settings did not consent to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trivet.drivers.modal.account import Account
from trivet.drivers.modal.observe import autoscaler_of
from trivet.drivers.modal.site import CENTS, CONSENT, EXPIRES, FUNCTION, MANAGED, OURS
from trivet.errors import CloudError
from trivet.render.modal import Autoscaler

Action = Literal["keep", "stop", "scale down"]


@dataclass(frozen=True)
class SeenApp:
    """A deployed app of ours. `deployed_at`: seconds since 1970; `containers`: how many there are now."""

    name: str
    tags: Mapping[str, str]
    deployed_at: float | None
    autoscaler: Autoscaler
    containers: int

    @property
    def expires_at(self) -> int | None:
        """When its time is over, seconds since 1970; None where it has no bound."""
        text = self.tags.get(EXPIRES, "")
        return int(text) if text.isdigit() else None

    @property
    def cents_per_hour(self) -> float | None:
        """Of one container; None for an app of a version before there were prices."""
        text = self.tags.get(CENTS, "")
        return float(text) if text.replace(".", "", 1).isdigit() else None


@dataclass(frozen=True)
class AppVerdict:
    """What is to be done with an app, and why."""

    app: SeenApp
    action: Action
    why: str


def judge_app(app: SeenApp, now: float) -> AppVerdict:
    """The verdict on an app of ours."""
    if app.expires_at is not None and now >= app.expires_at:
        return AppVerdict(app, "stop", "its time to live is over")
    idle = app.autoscaler.min_containers + app.autoscaler.buffer_containers
    if idle and CONSENT not in app.tags:
        return AppVerdict(app, "scale down", f"{idle} containers stay up without a request, and nobody consented to it")
    return AppVerdict(app, "keep", "scales to zero by itself" if not idle else "stays up by consent")


def seen_apps(account: Account, environment: str | None = None) -> list[SeenApp]:
    """Every deployed app of ours.

    Raises:
        CloudError: Modal refuses.
    """
    with account.plainly("list"):
        handles = account.environment(environment).apps.list()
        return [seen for app in handles if (seen := _seen(account, environment, app))]


def reap_apps(
    account: Account, now: float, *, environment: str | None = None, dry_run: bool = False
) -> tuple[Sequence[AppVerdict], dict[str, str]]:
    """Judge every app of ours and end what leaks; also, by app, why that failed. One failure does not save the others.

    Raises:
        CloudError: the apps cannot be listed.
    """
    verdicts = [judge_app(app, now) for app in seen_apps(account, environment)]
    failures: dict[str, str] = {}
    for verdict in verdicts:
        if not dry_run and verdict.action != "keep":
            try:
                _carry_out(account, environment, verdict)
            except CloudError as exc:
                failures[verdict.app.name] = str(exc.value)
    return verdicts, failures


def _seen(account: Account, environment: str | None, app: Any) -> SeenApp | None:
    """None where it is not ours, or is gone since it was listed."""
    try:
        tags = app.get_tags(client=account.client)
        if tags.get(MANAGED) != OURS:
            return None
        function = _function(account, environment, app.name)
        deployed = app.info().lifecycle.deployed_at
        return SeenApp(
            name=app.name,
            tags=tags,
            deployed_at=deployed.timestamp() if deployed else None,
            autoscaler=autoscaler_of(function.autoscaler.settings()),
            containers=function.get_current_stats().num_total_runners,
        )
    except (account.modal.exception.NotFoundError, account.modal.exception.ConflictError):  # unknown, or stopped
        return None


def _carry_out(account: Account, environment: str | None, verdict: AppVerdict) -> None:
    name = verdict.app.name
    with account.plainly(verdict.action):
        if verdict.action == "stop":
            handle = account.modal.App.lookup(name, environment_name=environment, client=account.client)
            handle.stop(client=account.client)
        else:
            _function(account, environment, name).autoscaler.update(min_containers=0, buffer_containers=0)


def _function(account: Account, environment: str | None, name: str) -> Any:
    return account.modal.Function.from_name(name, FUNCTION, environment_name=environment, client=account.client)
