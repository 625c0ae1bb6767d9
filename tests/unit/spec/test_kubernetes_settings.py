"""Settings of a stack on a cluster, as Pulumi hands them over: nested values are JSON text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.errors import SpecError
from trivet.spec import Settings, parse_settings

LEAST = {"registry": "registry.example.com/trivet", "registryNetworks": ["192.0.2.10/32"]}


def parsed(place: dict[str, Any] | None = None, /, **changes: str) -> Settings:
    config = {"tier": "onprem", "region": "here", "target": "kubernetes", **changes}
    return parse_settings("cluster", {**config, "kubernetes": json.dumps({**LEAST, **(place or {})})})


def test_what_is_nested_is_read() -> None:
    given = {"auditGiB": 20, "cpuReserved": 0.5, "keys": {"a-b": "0" * 64}, "nodeLabels": {"gpu": "h200"}}
    place = parsed(given).kubernetes
    assert place is not None
    assert place.model_dump(mode="json", by_alias=True, include={*place.model_fields_set}) == {**LEAST, **given}


def test_the_target_and_its_settings_belong_together() -> None:
    with pytest.raises(SpecError, match=r"kubernetes\.registry"):
        parse_settings("cluster", {"tier": "onprem", "region": "here", "target": "kubernetes"})
    with pytest.raises(SpecError, match="for target kubernetes"):
        parsed(target="local")


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("registry", "https://registry.example.com/trivet"),
        ("registryNetworks", []),
        ("registryNetworks", ["registry.example.com"]),
        ("registryNetworks", ["192.0.2.10"]),
        ("clients", ["10.0.0.1/8"]),
        ("keys", {"a-b": "tvt_a_key_in_the_clear"}),
        ("namespace", "Trivet"),
        ("cpuReserved", 0),
        ("cpuReserved", 1.1),
    ],
)
def test_wrong_values_are_refused(key: str, wrong: object) -> None:
    with pytest.raises(SpecError, match=key):
        parsed({key: wrong})
