"""Regimes: the law as data. Each rule has its article, since when it holds, and when and where that was last read."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trivet.spec.base import Country, Frozen, Name, refuse
from trivet.spec.residency import ASSET_KINDS, AssetKind, Date

Text = Annotated[str, Field(min_length=1, max_length=500)]
Mode = Literal["any", "localise", "transfer"]


class Provision(Frozen):
    """Where something is written, since when it holds (`since`), and when somebody last looked (`checked`)."""

    article: Annotated[str, Field(min_length=1, max_length=80)]
    says: Text
    since: Date
    checked: Date
    source: Annotated[str, Field(pattern=r"^https://")]


class Rule(Provision):
    """What the regime demands of these kinds of assets; `countries` where they differ from the regime's own."""

    assets: Annotated[tuple[AssetKind, ...], Field(min_length=1, strict=False)]
    countries: Annotated[tuple[Country, ...] | None, Field(strict=False)] = None


class Adequacy(Provision):
    """A decision that these countries protect data well enough: no further basis is needed until `expires`."""

    countries: Annotated[tuple[Country, ...], Field(min_length=1, strict=False)]
    expires: Date | None = None


class Basis(Provision):
    """A legal basis on which the spec may list a transfer; `countries` where it opens only these."""

    countries: Annotated[tuple[Country, ...] | None, Field(strict=False)] = None


class Regime(Frozen):
    """A set of rules. `any`: everything goes. `localise`: its countries only. `transfer`: others too, on a basis."""

    name: Name
    title: Text
    mode: Mode
    countries: Annotated[tuple[Country, ...], Field(strict=False)] = ()
    regions: Annotated[
        dict[str, Annotated[tuple[str, ...], Field(strict=False)]],
        Field(
            default_factory=dict,
            description="Provider → the only regions of it that are allowed, to narrow `countries`.",
        ),
    ]
    denied_services: Annotated[
        tuple[str, ...], Field(strict=False, description="Managed services that are refused whatever they promise.")
    ] = ()
    rules: Annotated[tuple[Rule, ...], Field(strict=False)] = ()
    adequate: Annotated[tuple[Adequacy, ...], Field(strict=False)] = ()
    bases: Annotated[tuple[Basis, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _every_asset_has_one_rule(self) -> Self:
        if self.mode == "any":
            return self
        covered = [kind for rule in self.rules for kind in rule.assets]
        missing = sorted(set(ASSET_KINDS) - set(covered))
        if missing or len(covered) != len(ASSET_KINDS):
            twice = sorted({kind for kind in covered if covered.count(kind) > 1})
            refuse(
                "a regime has exactly one rule for each kind of asset",
                f"add {', '.join(missing)}" if missing else f"remove one rule for {', '.join(twice)}",
                ("rules",),
            )
        if not self.countries:
            refuse("a regime that restricts places names its countries", "add countries")
        return self

    @model_validator(mode="after")
    def _transfers_belong_to_their_mode(self) -> Self:
        if self.mode != "transfer" and (self.bases or self.adequate):
            refuse("only mode transfer takes adequacy decisions and bases", "remove them, or set mode: transfer")
        return self

    def rule(self, kind: AssetKind) -> Rule:
        """The one rule for a kind of asset."""
        return next(rule for rule in self.rules if kind in rule.assets)

    def allowed(self, rule: Rule) -> tuple[Country, ...]:
        """The countries that a rule allows without more."""
        return self.countries if rule.countries is None else rule.countries
