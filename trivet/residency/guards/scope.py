"""What a regime leaves open on one provider, whichever kind of asset it is: the only terms that a guard can use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from trivet.residency.asset import Asset
from trivet.residency.checker import check
from trivet.residency.regime import Regime
from trivet.residency.tables import Provider, Tables
from trivet.spec import Residency
from trivet.spec.residency import ASSET_KINDS

PROFILES: Final = "bedrock-profile"


@dataclass(frozen=True)
class Scope:
    """Regions where every kind of asset is allowed, and routing geographies that stay within the regime."""

    regime: str
    provider: Provider
    regions: tuple[str, ...]
    geographies: tuple[str, ...]


def scope_of(regime: Regime, provider: Provider, tables: Tables, *, today: date, max_age_days: int) -> Scope:
    """Judge every region and every geography; transfers do not count."""
    residency = Residency(max_age_days=max_age_days)

    def lawful(*assets: Asset) -> bool:
        return check(assets, regime, residency, tables, today=today).lawful

    regions = (
        region
        for region in sorted(provider.regions.countries)
        if lawful(*(Asset(kind=kind, name=region, provider=provider.name, region=region) for kind in ASSET_KINDS))
    )
    profiles = provider.service(PROFILES)
    geographies = (
        geography
        for geography in sorted(profiles.geographies if profiles else ())
        if lawful(
            Asset(kind="inference-routing", name=PROFILES, provider=provider.name, service=PROFILES, region=geography)
        )
    )
    return Scope(regime.name, provider, tuple(regions), tuple(geographies))
