"""The check of a whole stack, as the Pulumi program, the policy pack and the command line run it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from trivet.residency.checker import check
from trivet.residency.data import load_regime, load_tables
from trivet.residency.places import stack_assets
from trivet.residency.report import Report
from trivet.spec import Settings, StackSpec


def check_stack(spec: StackSpec, settings: Settings, state_backend: str, project: Path, *, today: date) -> Report:
    """Judge every asset of a stack under the spec's regime; a regime of one's own is read from the project.

    Raises:
        SpecError: the regime is unknown or malformed.
    """
    tables = load_tables()
    return check(
        stack_assets(spec, settings, tables, state_backend=state_backend),
        load_regime(spec.residency.regime, project),
        spec.residency,
        tables,
        today=today,
        operator_parent=settings.operator_parent,
    )
