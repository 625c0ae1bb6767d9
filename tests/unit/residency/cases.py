"""The corpus in tests/cases/residency, and a check with a fixed date."""

from __future__ import annotations

import functools
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.unit.examples import ROOT
from trivet.residency import Asset, Regime, Report, check, load_regime, load_tables
from trivet.spec import Residency

TODAY = date(2026, 11, 21)
REGIMES = ("za-strict", "za-transfer", "eu", "uk", "ch")


def corpus(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    text = (ROOT / "tests/cases/residency" / f"{name}.yaml").read_text(encoding="utf-8")
    cases: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(text)
    return cases


@functools.cache
def shipped(name: str) -> Regime:
    """A regime that comes with Trivet."""
    return load_regime(name, Path())


def judge(*assets: Asset, regime: Regime | str, today: date = TODAY, **residency: Any) -> Report:
    """Check assets as the program does."""
    rules = shipped(regime) if isinstance(regime, str) else regime
    return check(assets, rules, Residency.model_validate(residency), load_tables(), today=today)
