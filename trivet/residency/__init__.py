"""Residency: may this stack have this place? Pure rules over dated data; unknown is refused."""

from trivet.residency.asset import Asset
from trivet.residency.checker import check
from trivet.residency.data import load_regime, load_tables, regime_names
from trivet.residency.places import stack_assets
from trivet.residency.regime import Regime
from trivet.residency.report import Finding, Report
from trivet.residency.tables import Tables

__all__ = [
    "Asset",
    "Finding",
    "Regime",
    "Report",
    "Tables",
    "check",
    "load_regime",
    "load_tables",
    "regime_names",
    "stack_assets",
]
