"""Choose: every place in every tier, with law, fit and price; each that is refused says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from trivet.residency.asset import Asset
from trivet.residency.checker import check
from trivet.residency.fit import Needs, fitting_gpus, measured, misfit, needs_of
from trivet.residency.places import handled_by
from trivet.residency.regime import Regime
from trivet.residency.report import Report
from trivet.residency.tables import Instance, Offer, Provider, Service, Tables, is_stale
from trivet.spec import AssetKind, StackSpec
from trivet.spec.base import Frozen

RENTED: Final = frozenset({"lambda", "coreweave", "modal"})
IN_THE_REGION: Final[tuple[AssetKind, ...]] = ("compute", "key", "log", "model-cache", "registry", "secret", "volume")
SECONDS_AN_HOUR: Final = 3600
MILLION: Final = 1_000_000

Verdict = Literal["fits", "probe", "refused"]


class Choice(Frozen):
    """One place. `probe`: lawful and fitting by the tables, but run `first` before you count on it."""

    tier: str
    provider: str
    region: str
    machine: str
    verdict: Verdict
    why: str = ""
    first: str = ""
    countries: tuple[str, ...] = ()
    gpu: str = ""
    gpu_count: int = 0
    price_hour: float | None = None
    currency: str = ""
    price_dated: date | None = None
    price_stale: bool = False
    price_million_tokens: float | None = None
    throughput: str = "not measured"


@dataclass(frozen=True)
class Chooser:
    """Judges places for one spec.

    `budget` is the most that an hour may cost, in the offer's currency. `tokens_per_second` stands for what the tables
    do not measure: the caller's own assumption for whichever machine.
    """

    spec: StackSpec
    regime: Regime
    tables: Tables
    today: date
    budget: float | None = None
    tokens_per_second: float | None = None

    @property
    def needs(self) -> Needs:
        """What the spec's models ask of a machine."""
        return needs_of(self.spec)

    def choices(self) -> tuple[Choice, ...]:
        """Every place: what fits first, by price, then what wants a probe, then what is refused."""
        found = [self._own_machine()]
        for provider in self.tables.providers.values():
            for region in provider.regions.countries:
                found += self._region(provider, region)
            for service in provider.services:
                found += self._service(provider, service)
        order = {"fits": 0, "probe": 1, "refused": 2}
        return tuple(
            sorted(
                found,
                key=lambda each: (
                    order[each.verdict],
                    each.tier != "onprem",
                    each.price_hour is None,
                    each.price_hour or 0.0,
                    each.provider,
                    each.region,
                    each.machine,
                ),
            )
        )

    def _own_machine(self) -> Choice:
        countries = ", ".join(self.regime.countries) or "any country"
        return Choice(
            tier="onprem",
            provider="own",
            region=countries if len(self.regime.countries) <= 3 else "an allowed country",  # noqa: PLR2004 - a line
            machine=f"a machine of yours with {self.needs}",
            verdict="fits",
            throughput=self._stated(None)[1],
        )

    def _region(self, provider: Provider, region: str) -> Iterator[Choice]:
        place = _place(provider, region)
        refused = self._unlawful(_region_assets(provider, region))
        offer = provider.offer(region)
        if refused:
            yield Choice(**place, machine="any", verdict="refused", why=refused)
        elif offer is not None and offer.instances:
            for name, instance in offer.instances.items():
                yield self._instance(provider, offer, name, instance)
        elif not self.needs.memory_mib:
            why = None if self.budget is None else _over(None, self.budget, "")
            yield Choice(
                **place,
                machine="a machine without a GPU",
                verdict="refused" if why else "probe",
                why=why or "",
                first="" if why else "the tables list machines with GPUs only: choose one by its cores and memory",
            )
        else:
            why = f"it has no GPU ({offer.seen})" if offer else "no table says which GPUs it has"
            note = f" ({provider.note})" if provider.note else ""
            yield Choice(**place, machine="any", verdict="refused", why=f"lawful, but {why}{note}")

    def _instance(self, provider: Provider, offer: Offer, name: str, instance: Instance) -> Choice:
        why = misfit(self.needs, self.tables.gpus[instance.gpu], instance.count)
        if why:
            why = f"{instance.gpu}: {why}; {_join(fitting_gpus(self.needs, self.tables))} would fit"
        elif is_stale(offer.seen, self.today, self.spec.residency.max_age_days):
            why = f"last seen on offer on {offer.seen}, more than {self.spec.residency.max_age_days} days ago"
        elif self.budget is not None:
            why = _over(instance.price, self.budget, offer.currency)
        tokens, throughput = self._stated(instance)
        return Choice(
            **_place(provider, offer.region),
            machine=name,
            verdict="refused" if why else "probe" if offer.probe else "fits",
            why=why or "",
            first="" if why else offer.probe,
            gpu=instance.gpu,
            gpu_count=instance.count,
            price_hour=instance.price,
            currency=offer.currency,
            price_dated=offer.dated,
            price_stale=is_stale(offer.dated, self.today, self.spec.residency.max_age_days),
            price_million_tokens=(
                instance.price / (tokens * SECONDS_AN_HOUR) * MILLION if instance.price and tokens else None
            ),
            throughput=throughput,
        )

    def _service(self, provider: Provider, service: Service) -> Iterator[Choice]:
        for region in (*service.regions, *service.geographies) or ("anywhere",):
            asset = Asset(
                kind="inference-routing", name=service.name, provider=provider.name, service=service.name, region=region
            )
            assets = (asset, *(_region_assets(provider, region) if service.kind == "endpoint" else ()))
            why = self._unlawful(assets)
            first = ""
            if not why and service.kind == "routing":
                why = "it serves its provider's models, not this stack's weights"
            elif not why and self.budget is not None:
                why = _over(None, self.budget, "")
            elif not why:
                offer = provider.offer(region)
                if offer is not None and not self._any_fits(offer):
                    why = f"lawful, but no GPU of the region fits ({offer.seen})"
                else:
                    first = service.note
            yield Choice(
                **_place(provider, region),
                machine=service.name,
                verdict="refused" if why else "probe",
                why=why or "",
                first=first,
            )

    def _any_fits(self, offer: Offer) -> bool:
        fitting = (misfit(self.needs, self.tables.gpus[each.gpu], each.count) for each in offer.instances.values())
        return not self.needs.memory_mib or None in fitting

    def _unlawful(self, assets: tuple[Asset, ...]) -> str | None:
        report: Report = check(assets, self.regime, self.spec.residency, self.tables, today=self.today)
        if report.lawful:
            return None
        first = report.refused[0]
        return f"{first.asset.kind}: {first.because} [{first.article}]"

    def _stated(self, instance: Instance | None) -> tuple[float | None, str]:
        """Output tokens/s and where that comes from."""
        if self.tokens_per_second is not None:
            return self.tokens_per_second, f"{self.tokens_per_second:g} tokens/s, your assumption"
        found = measured(self.spec, instance, self.tables) if instance else None
        if found is None:
            return None, "not measured"
        about = (f"{found.model} {found.quantisation}", found.note, str(found.dated), found.source)
        return found.tokens_per_second, f"{found.tokens_per_second:g} tokens/s, {', '.join(about)}"


def _place(provider: Provider, region: str) -> dict[str, Any]:
    tier = "gpuaas" if provider.name in RENTED else "cloud"
    countries = provider.regions.countries.get(region, ())
    return {"tier": tier, "provider": provider.name, "region": region, "countries": countries}


def _region_assets(provider: Provider, region: str) -> tuple[Asset, ...]:
    here = (Asset(kind=kind, name=region, provider=provider.name, region=region) for kind in IN_THE_REGION)
    return (*here, *handled_by(provider, region))


def _over(price: float | None, budget: float, currency: str) -> str | None:
    if price is None:
        return "its price is not in the tables, so the budget cannot be held"
    return f"{price:g} {currency}/h is over the budget of {budget:g}" if price > budget else None


def _join(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "no GPU of the tables"
