"""The check of a whole stack: with providers in order, the unlawful ones are passed over."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.unit.examples import ROOT, settings, spec_with
from trivet.errors import ResidencyError
from trivet.residency.report import Report
from trivet.residency.stack import check_stack, lawful_order
from trivet.spec import Settings
from trivet.spec.residency import ASSET_KINDS

TODAY = date(2026, 11, 20)
FILE = "file:///srv/state"
PLACE: dict[str, Any] = {"registry": "registry.example.com/trivet", "registryCountry": "GB", "region": "uk"}


HOUSE = """
name: house
title: "Great Britain only; its provider's API may be elsewhere"
mode: localise
countries: [GB]
rules:
  - assets: [control-plane]
    countries: [GB, US]
    {provision}
  - assets: [{others}]
    {provision}
"""
PROVISION = ("article: house", "says: house", "since: 2026-01-01", "checked: 2026-11-01", "source: https://example.com")


def ordered(routing: str | None) -> Settings:
    rented = {"instanceTypes": ["gpu_1x_a10"], "allowFrom": ["198.51.100.0/24"], "monthlyBudget": 50}
    modal = {**PLACE, "routingRegion": routing} if routing else PLACE
    order = {"tier": "gpuaas", "order": ["lambda", "modal"], "region": "asia-northeast-1", "operatedFrom": "GB"}
    return settings(**order, **{"lambda": rented, "modal": modal})


def checked(given: Settings, regime: str) -> Report:
    return check_stack(spec_with({"residency": {"regime": regime}}), given, FILE, ROOT, today=TODAY)


def test_without_a_regime_every_provider_stays() -> None:
    both = ordered("uk")
    assert lawful_order(spec_with({}), both, FILE, ROOT, today=TODAY) == both


@pytest.mark.parametrize(("routing", "lawful"), [("uk", True), (None, False)])
def test_a_provider_that_is_unlawful_is_passed_over_while_another_is_not(
    tmp_path: Path, routing: str | None, *, lawful: bool
) -> None:
    others = ", ".join(kind for kind in ASSET_KINDS if kind != "control-plane")
    (tmp_path / "house.yaml").write_text(HOUSE.format(provision="\n    ".join(PROVISION), others=others))
    spec, given = spec_with({"residency": {"regime": "house.yaml"}}), ordered(routing)
    left = lawful_order(spec, given, FILE, tmp_path, today=TODAY)
    assert left.order == (("modal",) if lawful else ("lambda", "modal"))
    assert check_stack(spec, given, FILE, tmp_path, today=TODAY).lawful == lawful


def test_where_all_are_unlawful_the_stack_is_refused() -> None:
    given = ordered("uk")
    spec = spec_with({"residency": {"regime": "za-strict"}})
    assert lawful_order(spec, given, FILE, ROOT, today=TODAY) == given
    with pytest.raises(ResidencyError, match="za-strict"):
        checked(given, "za-strict").require_lawful()


def test_a_target_alone_is_checked_as_ever() -> None:
    onprem = settings(country="ZA", operatedFrom="ZA")
    spec = spec_with({"residency": {"regime": "za-strict"}})
    assert lawful_order(spec, onprem, FILE, ROOT, today=TODAY) == onprem
    assert checked(onprem, "za-strict").lawful
