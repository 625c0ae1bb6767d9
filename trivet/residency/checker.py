"""The checker: assets, a regime and a date in; a report out. Pure, and what it does not know it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from trivet.residency.asset import Asset
from trivet.residency.regime import Adequacy, Provision, Regime, Rule
from trivet.residency.report import Finding, Reach, Report
from trivet.residency.tables import Provider, Tables, is_stale
from trivet.spec.residency import Residency, Transfer

CLOUD_ACT: Final = "US"  # 18 USC 2713 binds providers under United States jurisdiction


@dataclass(frozen=True)
class Refusal:
    """Why an asset has no lawful place, and what to do."""

    because: str
    remedy: str


def check(
    assets: Iterable[Asset],
    regime: Regime,
    residency: Residency,
    tables: Tables,
    *,
    today: date,
    operator_parent: str | None = None,
) -> Report:
    """Judge every asset.

    Args:
        assets: in any order; the report sorts them.
        regime: the rules.
        residency: the spec's transfers, and how old a table or a reading of the law may be.
        tables: what lies where.
        today: transfers expire and entries grow old by it.
        operator_parent: jurisdiction of whoever operates the stack, for the CLOUD Act flag.
    """
    assets = sorted(set(assets), key=lambda asset: (asset.kind, asset.name, asset.place))
    judge = _Judge(regime, residency, tables, today)
    return Report(
        regime=regime.name,
        title=regime.title,
        mode=regime.mode,
        today=today,
        findings=tuple(judge.finding(asset) for asset in assets),
        cloud_act=_reach(assets, tables, operator_parent),
    )


@dataclass(frozen=True)
class _Judge:
    regime: Regime
    residency: Residency
    tables: Tables
    today: date

    def finding(self, asset: Asset) -> Finding:
        located = self._locate(asset)
        known = () if isinstance(located, Refusal) else located
        if self.regime.mode == "any":
            return Finding(asset=asset, verdict="allowed", countries=known, article="", because="no regime")
        rule = self.regime.rule(asset.kind)
        refusal = located if isinstance(located, Refusal) else self._deny(asset, rule)
        bases: list[str] = []
        verdict = "allowed"
        for country in () if refusal else known:
            basis = self._basis(country, asset, rule)
            if isinstance(basis, Refusal):
                refusal = basis
                break
            bases.append(f"{country}: {basis[1]}")
            verdict = "transfer" if basis[0] else verdict
        if refusal:
            return Finding(
                asset=asset,
                verdict="refused",
                countries=known,
                article=rule.article,
                because=refusal.because,
                remedy=refusal.remedy,
            )
        return Finding.model_validate(
            {
                "asset": asset,
                "verdict": verdict,
                "countries": known,
                "article": rule.article,
                "because": "; ".join(bases),
            }
        )

    def _locate(self, asset: Asset) -> tuple[str, ...] | Refusal:
        """The countries an asset lies in."""
        if asset.provider is None:
            if asset.region or asset.service or not asset.countries:
                return Refusal(f"its place is unknown ({asset.place})", _say_where(asset))
            return asset.countries
        provider = self.tables.providers.get(asset.provider)
        if provider is None:
            return Refusal(
                f"no table knows the provider {asset.provider}", "add its table to trivet/residency/data/providers/"
            )
        if asset.region is None:
            return Refusal(f"{provider.title}: the region is unknown", "name the region; a default is not one")
        if asset.service is not None:
            return self._locate_service(asset, provider, asset.service, asset.region)
        return self._in_table(
            provider, asset, provider.regions.countries.get(asset.region), provider.regions.dated, "regions"
        )

    def _locate_service(self, asset: Asset, provider: Provider, name: str, region: str) -> tuple[str, ...] | Refusal:
        service = provider.service(name)
        if service is None:
            return Refusal(f"{provider.title}: no table knows the service {name}", "use a service that the tables list")
        countries = service.geographies.get(region)
        if countries is None and region in service.regions:
            countries = provider.regions.countries.get(region)
        return self._in_table(provider, asset, countries, service.dated, f"service {name}")

    def _in_table(
        self, provider: Provider, asset: Asset, countries: tuple[str, ...] | None, dated: date, table: str
    ) -> tuple[str, ...] | Refusal:
        file = f"trivet/residency/data/providers/{provider.name}.yaml"
        if countries is None:
            return Refusal(
                f"{asset.place}: the table ({table}, {dated}) names no country for it",
                f"choose one that `trivet residency table {provider.name}` lists; if it is new, add it to {file}",
            )
        if is_stale(dated, self.today, self.residency.max_age_days):
            return Refusal(*_stale(f"the table of {provider.title} ({table})", dated, self._age, file))
        if asset.countries and set(asset.countries) != set(countries):
            return Refusal(
                f"{asset.place} is declared to be in {', '.join(asset.countries)}, the table says "
                f"{', '.join(countries)}",
                "remove the declaration, or correct it",
            )
        return countries

    def _deny(self, asset: Asset, rule: Rule) -> Refusal | None:
        """What is refused whatever the country."""
        if is_stale(rule.checked, self.today, self.residency.max_age_days):
            return Refusal(*_stale(rule.article, rule.checked, self._age, rule.source))
        if asset.service in self.regime.denied_services:
            return Refusal(
                f"regime {self.regime.name} denies {asset.service}: it routes requests where it pleases",
                "serve the model with this stack's own runtime",
            )
        only = self.regime.regions.get(asset.provider or "")
        if only is not None and asset.service is None and asset.region not in only:
            return Refusal(
                f"regime {self.regime.name} allows {', '.join(only) or 'no region'} of {asset.provider} only",
                "choose one of them",
            )
        return None

    def _basis(self, country: str, asset: Asset, rule: Rule) -> tuple[Transfer | None, str] | Refusal:
        """On what a country is allowed: at home, by a decision, or by a transfer that the spec lists."""
        if country in self.regime.allowed(rule):
            return None, f"in {self.regime.name}'s own countries"
        for decision in self.regime.adequate:
            if country in decision.countries and self._holds(decision):
                return None, decision.article
        for transfer in self.residency.transfers:
            if asset.kind in transfer.assets and country in transfer.countries and self._opens(transfer, country):
                return transfer, f"{transfer.article} until {transfer.expires} ({transfer.evidence})"
        return Refusal(self._why(country, asset, rule), self._remedy(country, asset))

    def _holds(self, decision: Adequacy) -> bool:
        expired = decision.expires is not None and decision.expires < self.today
        return not expired and decision.since <= self.today and not self._stale(decision)

    def _opens(self, transfer: Transfer, country: str) -> bool:
        """Whether a transfer rests on a basis of the regime, for this country, today."""
        return transfer.expires >= self.today and any(
            basis.article == transfer.article
            and (basis.countries is None or country in basis.countries)
            and not self._stale(basis)
            for basis in self.regime.bases
        )

    def _stale(self, provision: Provision) -> bool:
        return is_stale(provision.checked, self.today, self.residency.max_age_days)

    @property
    def _age(self) -> int:
        return self.residency.max_age_days

    def _why(self, country: str, asset: Asset, rule: Rule) -> str:
        for transfer in self.residency.transfers:
            if asset.kind not in transfer.assets or country not in transfer.countries:
                continue
            if self.regime.mode == "localise":
                return f"it is in {country}, and regime {self.regime.name} takes no transfers"
            if transfer.expires < self.today:
                return f"it is in {country}, and the transfer under {transfer.article} ended on {transfer.expires}"
            return f"it is in {country}, for which {transfer.article} is no basis that was checked recently"
        for decision in self.regime.adequate:
            if country in decision.countries:
                state = "is too old a reading" if self._stale(decision) else "does not hold today"
                return f"it is in {country}, for which {decision.article} (checked {decision.checked}) {state}"
        countries = self.regime.allowed(rule)
        listed = ", ".join(countries) if len(countries) <= 5 else f"{len(countries)} countries"  # noqa: PLR2004 - a line
        return f"it is in {country}; regime {self.regime.name} allows {listed}"

    def _remedy(self, country: str, asset: Asset) -> str:
        elsewhere = f"choose a place for it in {_some(self.regime.countries)}"
        articles = [
            basis.article for basis in self.regime.bases if basis.countries is None or country in basis.countries
        ]
        if not articles:
            return elsewhere
        return f"{elsewhere}, or list a transfer of {asset.kind} under {_some(tuple(articles), 'or')}"


def _some(names: Sequence[str], word: str = "or") -> str:
    if len(names) > 6:  # noqa: PLR2004 - a line of text
        return f"{', '.join(names[:6])}, …"
    return f" {word} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _stale(what: str, dated: date, days: int, source: str) -> tuple[str, str]:
    return (
        f"{what} was last checked on {dated}, more than {days} days ago",
        f"check it again, correct the entry and set its date ({source})",
    )


def _say_where(asset: Asset) -> str:
    match asset.kind:
        case "support-access":
            return "run `pulumi config set operatedFrom CODE[,CODE]` with the countries people operate it from"
        case "state-backend" | "secret":
            return "use a file:// backend, s3://…?region=, or run `pulumi config set stateCountry CODE`"
        case "registry":
            pulled = "modal.registryCountry CODE` (in a cluster: kubernetes.registryCountry)"
            return f"run `pulumi config set country CODE`, or with Modal `… --path {pulled}"
    return "run `pulumi config set country CODE` with the ISO 3166-1 code of the country where the machine stands"


def _reach(assets: Sequence[Asset], tables: Tables, operator_parent: str | None) -> tuple[Reach, ...]:
    named = {asset.provider for asset in assets}
    providers = [each for name, each in sorted(tables.providers.items()) if name in named]
    operator = Reach(
        operator="whoever operates the stack",
        parent=operator_parent,
        reached=None if operator_parent is None else operator_parent == CLOUD_ACT,
    )
    return (
        operator,
        *(Reach(operator=each.title, parent=each.parent, reached=each.parent == CLOUD_ACT) for each in providers),
    )
