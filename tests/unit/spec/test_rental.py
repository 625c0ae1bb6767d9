"""Settings of a rented node."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.errors import SpecError
from trivet.spec import Settings, parse_settings

LAMBDA = {"instanceTypes": ["gpu_1x_a10"], "allowFrom": ["198.51.100.0/24"], "monthlyBudget": 50}


def parse(changes: dict[str, Any] | None = None, **settings: str) -> Settings:
    rented = {**LAMBDA, **(changes or {})}
    config = {"target": "lambda", "region": "us-east-1", "lambda": json.dumps(rented), **settings}
    return parse_settings("gpuaas", config)


def test_a_node_has_bounds_and_no_key_unless_somebody_says_so() -> None:
    rented = parse().lambda_cloud
    assert rented is not None
    assert (rented.ttl_hours, rented.max_ttl_hours, rented.idle_minutes, rented.key_on_node) == (8, 24, 20, False)


def test_a_broker_is_an_address_that_the_node_asks() -> None:
    rented = parse({"broker": "http://reaper.example.org:8470"}).lambda_cloud
    assert rented is not None
    assert rented.broker == "http://reaper.example.org:8470"


def test_the_preferred_region_comes_first() -> None:
    assert parse({"otherRegions": ["us-west-1"]}).regions == ("us-east-1", "us-west-1")


@pytest.mark.parametrize("missing", LAMBDA)
def test_what_costs_money_or_opens_doors_has_no_default(missing: str) -> None:
    rented = {key: value for key, value in LAMBDA.items() if key != missing}
    with pytest.raises(SpecError, match=missing):
        parse_settings("gpuaas", {"target": "lambda", "region": "us-east-1", "lambda": json.dumps(rented)})


@pytest.mark.parametrize(
    "changes",
    [
        {"ttlHours": 25},  # beyond maxTtlHours
        {"ttlHours": 0.1},
        {"idleMinutes": 0.5},
        {"pollSeconds": 4},
        {"pollSeconds": 61},
        {"monthlyBudget": 0},
        {"multiplier": 0.5},
        {"instanceTypes": []},
        {"allowFrom": ["198.51.100.7/24"]},
        {"allowFrom": ["everywhere"]},
        {"broker": "reaper.example.org:8470"},
        {"broker": "http://key@reaper.example.org"},
        {"broker": "http://reaper.example.org:8470", "keyOnNode": True},
        {"colour": "red"},
    ],
)
def test_what_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        parse(changes)


def test_tier_target_and_their_settings_belong_together() -> None:
    with pytest.raises(SpecError, match="tier gpuaas has target lambda"):
        parse(tier="onprem")
    with pytest.raises(SpecError, match="tier gpuaas has target lambda"):
        parse_settings("gpuaas", {"region": "us-east-1"})
    with pytest.raises(SpecError, match=r"target lambda needs lambda\.instanceTypes"):
        parse_settings("gpuaas", {"region": "us-east-1", "target": "lambda"})
