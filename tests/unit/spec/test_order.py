"""Settings that name providers in order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.errors import SpecError
from trivet.spec import Settings, parse_settings

LAMBDA = {"instanceTypes": ["gpu_1x_a10"], "allowFrom": ["198.51.100.0/24"], "monthlyBudget": 50}
MODAL = {"registry": "registry.example.com/trivet", "region": "us-east"}


def parse(**changes: Any) -> Settings:
    settings = {"order": ["lambda", "modal"], "region": "us-east-1", "lambda": LAMBDA, "modal": MODAL, **changes}
    return parse_settings(
        "gpuaas",
        {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in settings.items()
            if value is not None
        },
    )


def test_each_leg_is_as_if_there_were_no_other() -> None:
    first, second = parse().legs
    assert (first.target, first.region, first.modal, first.order) == ("lambda", "us-east-1", None, ())
    assert (second.target, second.region, second.lambda_cloud) == ("modal", "us-east", None)
    alone = parse(
        order=None, target="modal", region="us-east", modal={"registry": MODAL["registry"]}, **{"lambda": None}
    )
    assert second == alone
    assert alone.legs == (alone,)


def test_the_order_is_kept() -> None:
    assert [leg.target for leg in parse(order=["modal", "lambda"]).legs] == ["modal", "lambda"]


def test_modal_runs_in_the_stack_s_region_unless_it_has_one_of_its_own() -> None:
    assert parse(region="us", modal={"registry": MODAL["registry"]}).legs[1].region == "us"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": "lambda"}, "order takes the place of target"),
        ({"order": ["lambda", "lambda"]}, "names each target once"),
        ({"order": ["lambda"]}, r"target modal needs modal\.registry, and no other target has it"),
        ({"modal": None}, r"target modal needs modal\.registry"),
        ({"lambda": None}, r"target lambda needs lambda\.instanceTypes"),
        ({"order": ["local"]}, "order"),
        ({"tier": "onprem"}, "no other tier has one of them"),
        ({"order": None, "target": "modal", "lambda": None}, r"modal\.region is for an order"),
    ],
)
def test_what_breaks_a_rule_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse(**changes)
