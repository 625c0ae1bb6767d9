"""Settings: where the stack runs, checked like the spec."""

from __future__ import annotations

import pytest

from trivet.errors import SpecError
from trivet.spec import parse_settings

REGION = {"region": "za-office"}


def test_the_tier_is_the_stack_s_name() -> None:
    assert parse_settings("onprem", REGION).tier == "onprem"


def test_the_key_tier_stands_over_the_name() -> None:
    assert parse_settings("clinic-7", {**REGION, "tier": "onprem"}).tier == "onprem"


def test_a_stack_whose_name_is_no_tier_needs_the_key() -> None:
    with pytest.raises(SpecError, match="pulumi config set tier"):
        parse_settings("clinic-7", REGION)


def test_numbers_and_booleans_come_as_text() -> None:
    settings = parse_settings("onprem", {**REGION, "port": "9000", "retain": "true"})
    assert (settings.port, settings.retain) == (9000, True)


def test_an_unknown_key_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(SpecError, match=r"did you mean region\?"):
        parse_settings("onprem", {"regoin": "za-office"})


@pytest.mark.parametrize("bind", ["localhost", "10.0.0.256", ""])
def test_bind_is_an_address(bind: str) -> None:
    with pytest.raises(SpecError, match="IP address"):
        parse_settings("onprem", {**REGION, "bind": bind})


@pytest.mark.parametrize("country", ["South Africa", "za"])
def test_a_country_is_a_code(country: str) -> None:
    with pytest.raises(SpecError, match="country"):
        parse_settings("onprem", {**REGION, "country": country})
