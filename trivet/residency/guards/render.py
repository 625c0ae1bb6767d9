"""From a regime to one cloud's guard, as JSON data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final

from trivet.errors import ResidencyError
from trivet.residency.guards.aws import service_control_policy
from trivet.residency.guards.azure import policy_definition
from trivet.residency.guards.gcp import organisation_policies
from trivet.residency.guards.scope import Scope, scope_of
from trivet.residency.regime import Regime
from trivet.residency.tables import Tables

CLOUDS: Final[dict[str, Callable[[Scope], Any]]] = {
    "aws": service_control_policy,
    "azure": policy_definition,
    "gcp": organisation_policies,
}


def render_guard(cloud: str, regime: Regime, tables: Tables, *, today: date, max_age_days: int) -> Any:
    """The guard of one cloud (a key of `CLOUDS`).

    Raises:
        ResidencyError: the regime restricts nothing, or leaves no region open (as when its tables are too old).
    """
    scope = scope_of(regime, tables.providers[cloud], tables, today=today, max_age_days=max_age_days)
    if regime.mode == "any" or not scope.regions:
        opens = "everything" if regime.mode == "any" else "no region"
        raise ResidencyError(
            value=f"regime {regime.name} opens {opens} of {cloud}",
            rule="a guard leaves some regions open and shuts the others",
            remedy="choose another regime with --regime, or shut the whole account; `trivet residency table` has dates",
        )
    return CLOUDS[cloud](scope)
