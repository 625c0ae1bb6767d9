"""The checker: each kind of asset allowed and refused, unknown is refused, exceptions end, readings grow old."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.residency.cases import REGIMES, TODAY, corpus, judge, shipped
from trivet.errors import ResidencyError
from trivet.residency import Asset, Regime, check, load_tables
from trivet.spec import Residency
from trivet.spec.residency import ASSET_KINDS

CASES = [
    (Asset.model_validate({k: v for k, v in case.items() if k != "verdicts"}), case["verdicts"])
    for case in corpus("assets")
]
US = Asset(kind="compute", name="EC2 in Virginia", provider="aws", region="us-east-1")
DPF = {
    "assets": ["compute"],
    "countries": ["US"],
    "article": "GDPR 45, United States",
    "evidence": "register of participants, printed",
    "expires": date(2027, 6, 30),
}


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("asset", "verdicts"), CASES, ids=lambda value: value.name if isinstance(value, Asset) else "")
def test_the_truth_table(asset: Asset, verdicts: dict[str, str], regime: str) -> None:
    (finding,) = judge(asset, regime=regime).findings
    assert finding.verdict == verdicts.get(regime, "refused"), finding.because
    assert finding.article
    assert bool(finding.remedy) == (finding.verdict == "refused")


def test_the_truth_table_has_each_kind_of_asset_allowed_and_refused() -> None:
    for kind in ASSET_KINDS:
        verdicts = {verdicts.get("za-strict", "refused") for asset, verdicts in CASES if asset.kind == kind}
        assert verdicts == {"allowed", "refused"}, kind


def test_without_a_regime_every_place_is_allowed() -> None:
    assert judge(*(asset for asset, _ in CASES), regime="none").lawful


def test_the_first_violation_is_the_error_and_it_says_how_many_more_there_are() -> None:
    abroad = [Asset(kind="compute", name=name, countries=("US",)) for name in ("one", "two")]
    with pytest.raises(ResidencyError, match=r"it is in US; regime za-strict allows ZA \(and 1 more\)") as caught:
        judge(*abroad, regime="za-strict").require_lawful()
    assert caught.value.where == "compute (one)"
    assert "POPIA 72(1)" in caught.value.rule
    judge(Asset(kind="compute", name="home", countries=("ZA",)), regime="za-strict").require_lawful()


def test_a_transfer_on_a_basis_is_allowed_until_it_ends() -> None:
    ends = DPF["expires"]
    assert [finding.verdict for finding in judge(US, regime="eu", transfers=(DPF,)).findings] == ["transfer"]
    assert judge(US, regime="eu", transfers=(DPF,), today=ends, maxAgeDays=3650).lawful
    (finding,) = judge(US, regime="eu", transfers=(DPF,), today=ends + timedelta(days=1), maxAgeDays=3650).refused
    assert "ended on 2027-06-30" in finding.because


@pytest.mark.parametrize(
    "change",
    [
        {"assets": ["volume"]},
        {"countries": ["CA"]},
        {"article": "GDPR 45"},
        {"article": "GDPR 45, Canada"},
        {"article": "POPIA 72(1)(b)"},
    ],
)
def test_a_transfer_of_something_else_or_on_no_basis_of_the_regime_opens_nothing(change: dict[str, Any]) -> None:
    assert not judge(US, regime="eu", transfers=({**DPF, **change},)).lawful


def test_a_strict_regime_takes_no_transfers() -> None:
    transfer = {**DPF, "article": "POPIA 72(1)(b)"}
    assert judge(US, regime="za-transfer", transfers=(transfer,)).lawful
    (finding,) = judge(US, regime="za-strict", transfers=(transfer,)).refused
    assert "takes no transfers" in finding.because


def test_a_transfer_opens_no_unknown_place() -> None:
    nowhere = Asset(kind="compute", name="somewhere", provider="aws", region="us-east-9")
    assert not judge(nowhere, regime="eu", transfers=(DPF,)).lawful


def test_an_adequacy_decision_ends() -> None:
    london = Asset(kind="compute", name="London", countries=("GB",))
    assert judge(london, regime="eu", today=date(2031, 12, 27), maxAgeDays=3650).lawful
    (finding,) = judge(london, regime="eu", today=date(2031, 12, 28), maxAgeDays=3650).refused
    assert "does not hold today" in finding.because


def test_a_reading_of_the_law_grows_old_and_the_remedy_names_its_source() -> None:
    home = Asset(kind="compute", name="home", countries=("ZA",))
    checked = date(2026, 11, 1)
    assert judge(home, regime="za-strict", today=checked + timedelta(days=365)).lawful
    (finding,) = judge(home, regime="za-strict", today=checked + timedelta(days=366)).refused
    assert "last checked on 2026-11-01, more than 365 days ago" in finding.because
    assert "https://popia.co.za" in finding.remedy


def test_a_table_grows_old_and_the_remedy_names_its_file() -> None:
    today = date(2026, 12, 15)
    (finding,) = judge(
        Asset(kind="compute", name="EC2", provider="aws", region="af-south-1"),
        regime=own(checked=today),
        today=today,
        maxAgeDays=30,
    ).refused
    assert "the table of Amazon Web Services (regions) was last checked on 2026-11-01" in finding.because
    assert "data/providers/aws.yaml" in finding.remedy


def test_a_declaration_that_contradicts_the_table_is_refused() -> None:
    asset = Asset(kind="bucket", name="bucket", provider="aws", region="eu-west-1", countries=("ZA",))
    (finding,) = judge(asset, regime="eu").refused
    assert "declared to be in ZA, the table says IE" in finding.because


def test_an_own_regime_can_narrow_the_regions() -> None:
    west = Asset(kind="compute", name="VM", provider="azure", region="southafricawest")
    assert judge(west, regime=own()).lawful
    (finding,) = judge(west, regime=own(regions={"azure": ["southafricanorth"]})).refused
    assert "allows southafricanorth of azure only" in finding.because


def test_a_rule_can_have_countries_of_its_own() -> None:
    narrow = own(countries=["ZA", "BW"], support=["ZA"])
    assert judge(Asset(kind="compute", name="m", countries=("BW",)), regime=narrow).lawful
    assert not judge(Asset(kind="support-access", name="m", countries=("BW",)), regime=narrow).lawful


def test_the_cloud_act_flag_is_always_in_the_report() -> None:
    tables = load_tables()
    for parent, reached in ((None, None), ("US", True), ("ZA", False)):
        report = check([], shipped("none"), Residency(), tables, today=TODAY, operator_parent=parent)
        assert [reach.reached for reach in report.cloud_act] == [reached]
    assert [reach.parent for reach in judge(US, regime="eu").cloud_act] == [None, "US"]


# Properties: what must hold for whatever is deployed.

PLACES = st.one_of(
    st.fixed_dictionaries(
        {"countries": st.lists(st.sampled_from(["ZA", "DE", "US", "GB", "BR"]), max_size=2).map(tuple)}
    ),
    st.fixed_dictionaries(
        {
            "provider": st.sampled_from(["aws", "gcp", "azure", "modal", "example"]),
            "region": st.sampled_from(["af-south-1", "africa-south1", "southafricanorth", "eu-west-1", "global", None]),
        }
    ),
)
ASSETS = st.builds(
    lambda kind, name, place: Asset(kind=kind, name=name, **place),
    st.sampled_from(ASSET_KINDS),
    st.sampled_from(["one", "two"]),
    PLACES,
)
PLANS = st.lists(ASSETS, max_size=6)


@given(PLANS, st.sampled_from(REGIMES), st.randoms(use_true_random=False))
def test_the_order_of_the_assets_does_not_matter(plan: list[Asset], regime: str, random: Any) -> None:
    shuffled = list(plan)
    random.shuffle(shuffled)
    assert judge(*plan, regime=regime) == judge(*shuffled, regime=regime)


@given(PLANS, st.sampled_from(REGIMES), ASSETS)
def test_one_more_asset_never_makes_a_refused_plan_lawful(plan: list[Asset], regime: str, more: Asset) -> None:
    assert judge(*plan, regime=regime).lawful or not judge(*plan, more, regime=regime).lawful


@given(PLANS, st.sampled_from(REGIMES), st.data())
def test_a_country_less_never_makes_a_refused_plan_lawful(plan: list[Asset], name: str, data: st.DataObject) -> None:
    regime = shipped(name)
    gone = data.draw(st.sampled_from(regime.countries))
    less = regime.model_copy(update={"countries": tuple(each for each in regime.countries if each != gone)})
    assert judge(*plan, regime=regime).lawful or not judge(*plan, regime=less).lawful


@given(st.sampled_from(ASSET_KINDS), st.sampled_from(REGIMES), st.text(min_size=1, max_size=12))
def test_an_unknown_place_is_always_refused(kind: Any, regime: str, region: str) -> None:
    tables = load_tables()
    for provider in (None, *tables.providers):
        if provider and region in tables.providers[provider].regions.countries:
            continue
        assert not judge(Asset(kind=kind, name="x", provider=provider, region=region), regime=regime).lawful
    assert not judge(Asset(kind=kind, name="x"), regime=regime).lawful


def own(checked: date = TODAY, support: list[str] | None = None, **changes: Any) -> Regime:
    """A strict regime of one's own."""
    provision = {
        "article": "House rule 1",
        "says": "At home.",
        "since": checked,
        "checked": checked,
        "source": "https://example.org",
    }
    rest = [kind for kind in ASSET_KINDS if kind != "support-access"]
    rules = [{**provision, "assets": rest}, {**provision, "assets": ["support-access"], "countries": support}]
    return Regime.model_validate(
        {"name": "own", "title": "Own", "mode": "localise", "countries": ["ZA"], "rules": rules, **changes}
    )
