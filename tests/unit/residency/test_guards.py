"""The organisation guards agree with the checker on the corpus, as the clouds' policy engines would evaluate them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.unit.residency.cases import REGIMES, TODAY, corpus, shipped
from tests.unit.residency.evaluators import azure_denies, gcp_denies, scp_denies
from trivet.errors import ResidencyError
from trivet.residency import load_tables
from trivet.residency.guards import CLOUDS, render_guard

TABLES = load_tables()
CASES = [case for case in corpus("resources") if "request" in case]


def guard(cloud: str, regime: str, today: date = TODAY) -> Any:
    return render_guard(cloud, shipped(regime), TABLES, today=today, max_age_days=365)


def denies(case: dict[str, Any], regime: str) -> bool:
    package, request = case["type"].partition(":")[0], case["request"]
    if package == "aws":
        return scp_denies(guard("aws", regime), request)
    if package == "gcp":
        return gcp_denies(guard("gcp", regime), request, list(TABLES.providers["gcp"].regions.countries))
    return azure_denies(guard("azure", regime), request)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_guard_says_what_the_checker_says(case: dict[str, Any], regime: str) -> None:
    refused = regime not in case["allowed"] or case.get("guard") == "refused"
    assert denies(case, regime) == refused


def test_a_guard_is_coarser_in_one_known_case_only_and_never_wider() -> None:
    assert [case["name"] for case in CASES if "guard" in case] == ["registry-replicated-within-the-eu"]


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_guard_is_json_and_an_scp_is_within_the_limit_of_aws(cloud: str, regime: str) -> None:
    text = json.dumps(guard(cloud, regime), separators=(",", ":"))
    if cloud == "aws":
        assert len(text) <= 5120


def test_a_missing_region_is_denied() -> None:
    assert scp_denies(guard("aws", "eu"), {"action": "ec2:RunInstances", "region": None})
    assert scp_denies(guard("aws", "eu"), {"action": "kms:ReplicateKey", "region": "eu-west-1"})


def test_what_a_regime_does_not_restrict_has_no_guard() -> None:
    with pytest.raises(ResidencyError, match="regime none opens everything of aws"):
        guard("aws", "none")


def test_a_guard_is_not_rendered_from_tables_that_grew_old() -> None:
    with pytest.raises(ResidencyError, match="opens no region"):
        guard("aws", "za-strict", today=date(2028, 1, 1))
