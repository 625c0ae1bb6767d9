"""The check of a whole stack, as the Pulumi program, the policy pack and the command line run it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from trivet.residency.checker import check
from trivet.residency.data import load_regime, load_tables
from trivet.residency.places import stack_assets
from trivet.residency.report import Report
from trivet.spec import Settings, StackSpec


def check_stack(spec: StackSpec, settings: Settings, state_backend: str, project: Path, *, today: date) -> Report:
    """Judge every asset of a stack under the spec's regime; a regime of one's own is read from the project.

    A target of an order that is unlawful is passed over, and so not judged, as long as another one is lawful.

    Raises:
        SpecError: the regime is unknown or malformed.
    """
    lawful = lawful_order(spec, settings, state_backend, project, today=today)
    return _check(spec, lawful, lawful.legs, state_backend, project, today)


def lawful_order(spec: StackSpec, settings: Settings, state_backend: str, project: Path, *, today: date) -> Settings:
    """The settings, less the targets of their order that are unlawful; unchanged where all are.

    Raises:
        SpecError: the regime is unknown or malformed.
    """
    legs = zip(settings.order, settings.legs, strict=False)  # without an order there is nothing to leave out
    lawful = tuple(
        target for target, leg in legs if _check(spec, settings, (leg,), state_backend, project, today).lawful
    )
    return settings.model_copy(update={"order": lawful}) if lawful else settings


def _check(
    spec: StackSpec, settings: Settings, legs: Sequence[Settings], state_backend: str, project: Path, today: date
) -> Report:
    tables = load_tables()
    assets = [asset for leg in legs for asset in stack_assets(spec, leg, tables, state_backend=state_backend)]
    return check(
        assets,
        load_regime(spec.residency.regime, project),
        spec.residency,
        tables,
        today=today,
        operator_parent=settings.operator_parent,
    )
