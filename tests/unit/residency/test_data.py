"""Regimes and tables as they are shipped, and a regime of one's own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.errors import SpecError
from trivet.residency import load_regime, load_tables, regime_names

STRICT = (ROOT / "trivet/residency/data/regimes/za-strict.yaml").read_text()


def test_every_regime_that_is_shipped_is_named_for_its_file() -> None:
    assert regime_names() == ("ch", "eu", "none", "uk", "za-strict", "za-transfer")
    assert [load_regime(name, Path()).name for name in regime_names()] == list(regime_names())


def test_the_eu_lists_the_adequate_countries_without_south_africa_brazil_and_the_conditional_ones() -> None:
    adequate = {country for decision in load_regime("eu", Path()).adequate for country in decision.countries}
    assert adequate == {"AD", "AR", "FO", "GG", "IL", "IM", "JP", "JE", "NZ", "KR", "CH", "GB", "UY"}


def test_the_bases_of_popia_are_its_five() -> None:
    articles = [basis.article for basis in load_regime("za-transfer", Path()).bases]
    assert articles == [f"POPIA 72(1)({letter})" for letter in "abcde"]


def test_an_own_regime_is_a_file_below_the_project(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(STRICT.replace("name: za-strict", "name: own"))
    assert load_regime("own.yaml", tmp_path).name == "own"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mode: localise", "mode: lokalise", "'any', 'localise' or 'transfer'"),
        ("countries: [ZA]", "countries: []", "names its countries"),
        ("countries: [ZA]", "countries: [South Africa]", "pattern"),
        ("[control-plane, support-access]", "[control-plane]", "add support-access"),
        ("[control-plane, support-access]", "[control-plane, support-access, key]", "remove one rule for key"),
        ("    checked: 2026-11-01\n", "", "this key is required"),
        (
            "rules:\n",
            "bases: [{article: x, says: x, since: 2020-01-01, checked: 2020-01-01, source: 'https://x'}]\nrules:\n",
            "only mode transfer",
        ),
        ("mode: localise", "mod: localise", "did you mean mode?"),
    ],
)
def test_a_malformed_regime_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in STRICT
    (tmp_path / "own.yaml").write_text(STRICT.replace(old, new, 1))
    with pytest.raises(SpecError) as caught:
        load_regime("own.yaml", tmp_path)
    assert words in str(caught.value)
    assert caught.value.where.startswith("own.yaml:")


@pytest.mark.parametrize("name", ["za-strikt", "missing.yaml"])
def test_a_regime_that_is_not_there_is_refused_with_the_list(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match="za-strict, za-transfer"):
        load_regime(name, tmp_path)


def test_every_table_hangs_together() -> None:
    tables = load_tables()
    assert list(tables.providers) == ["aws", "azure", "coreweave", "gcp", "lambda", "modal"]
    for name, provider in tables.providers.items():
        regions = set(provider.regions.countries)
        assert provider.name == name
        assert set(provider.pairs) | set(provider.pairs.values()) <= regions
        assert {region for service in provider.services for region in service.regions} <= regions
        assert {offer.region for offer in provider.offers} <= regions
        for offer in provider.offers:
            assert {each.gpu for each in offer.instances.values()} <= set(tables.gpus)
            assert offer.dated <= offer.seen <= date(2026, 11, 21)


def test_lambda_has_its_seventeen_regions_and_none_in_africa_or_the_uk() -> None:
    countries = load_tables().providers["lambda"].regions.countries
    assert len(countries) == 17
    assert not {"ZA", "GB"} & {country for listed in countries.values() for country in listed}


def test_bf16_and_fp8_follow_the_compute_capability() -> None:
    for gpu in load_tables().gpus.values():
        capability = tuple(int(part) for part in gpu.compute_capability.split("."))
        assert gpu.bf16 == (capability >= (8, 0))
        assert gpu.fp8 == (capability >= (8, 9))
