"""Settings of a stack on Modal, as Pulumi hands them over: nested values are JSON text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.errors import SpecError
from trivet.spec import Settings, parse_settings

REGISTRY = {"registry": "registry.example.com/trivet"}


def parsed(place: Any = None, /, **changes: str) -> Settings:
    config = {"region": "eu-west", "target": "modal", "modal": json.dumps({**REGISTRY, **(place or {})}), **changes}
    return parse_settings("gpuaas", {key: value for key, value in config.items() if value})


def test_what_is_nested_is_read() -> None:
    modal = parsed({"routingRegion": "eu-west", "scaledownWindow": 60, "maxContainers": 2}).modal
    assert modal is not None
    assert (modal.routing_region, modal.scaledown_window, modal.max_containers) == ("eu-west", 60, 2)


def test_the_least_that_is_needed_is_the_registry() -> None:
    modal = parsed().modal
    assert modal is not None
    assert (modal.min_containers, modal.buffer_containers, modal.routing_region) == (0, 0, None)
    with pytest.raises(SpecError, match="registry"):
        parse_settings("gpuaas", {"region": "eu-west", "target": "modal", "modal": "{}"})


@pytest.mark.parametrize("key", ["minContainers", "bufferContainers"])
def test_containers_that_stay_up_need_consent(key: str) -> None:
    with pytest.raises(SpecError, match="billed all day"):
        parsed({key: 1})
    assert parsed({key: 1, "allowIdleBilling": True}).modal


def test_there_are_not_more_containers_at_least_than_at_most() -> None:
    with pytest.raises(SpecError, match="maxContainers"):
        parsed({"minContainers": 2, "allowIdleBilling": True})


@pytest.mark.parametrize("window", [1, 3601])
def test_the_window_is_one_that_modal_takes(window: int) -> None:
    with pytest.raises(SpecError, match="scaledownWindow"):
        parsed({"scaledownWindow": window})


@pytest.mark.parametrize("registry", ["https://registry.example.com/trivet", "registry.example.com", "R/X"])
def test_a_registry_is_a_host_and_a_prefix(registry: str) -> None:
    with pytest.raises(SpecError, match="registry"):
        parsed({"registry": registry})


def test_text_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(SpecError, match="modal = 'eu-west'"):
        parsed(modal="eu-west")


def test_a_misspelt_key_is_named() -> None:
    with pytest.raises(SpecError, match="did you mean routingRegion"):
        parsed({"routingRegoin": "eu-west"})


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"target": ""}, "tier gpuaas has target"),
        ({"target": "local"}, "tier gpuaas has target"),
        ({"modal": ""}, "target modal needs"),
        ({"tier": "onprem"}, "no other tier has one of them"),
    ],
)
def test_target_tier_and_settings_belong_together(changes: dict[str, str], rule: str) -> None:
    with pytest.raises(SpecError, match=rule):
        parsed(**changes)
