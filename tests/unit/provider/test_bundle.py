"""Checking and comparing a Bundle, which needs no host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from tests.unit.drivers.installations import installation
from trivet.drivers.bundle.keys import KeyRing
from trivet.errors import TrivetError
from trivet.provider.bundle import Bundle
from trivet.provider.log import EngineLog
from trivet.provider.values import Properties, plain_map, wrap_map

URN = "urn:pulumi:unit::inference::trivet:host:Bundle::stack"


@pytest.fixture
def bundle() -> Bundle:
    return Bundle(EngineLog("127.0.0.1:1"))


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    return installation(tmp_path).model_dump(mode="json", by_alias=True)


def check(bundle: Bundle, inputs: dict[str, Any]) -> tuple[Properties, dict[str, str]]:
    response = bundle.check(rpc.CheckRequest(URN, {}, wrap_map(inputs), b""))
    return response.inputs or {}, {failure.property: failure.reason for failure in response.failures or ()}


def diff(bundle: Bundle, old: Properties, new: Properties) -> rpc.DiffResponse:
    return bundle.diff(rpc.DiffRequest(URN, "trivet-unit", old, new, []))


def changed(data: dict[str, Any], *keys: str, to: Any) -> dict[str, Any]:
    """The data with one leaf replaced."""
    key, *rest = keys
    return {**data, key: changed(data[key], *rest, to=to) if rest else to}


def test_valid_inputs_are_filled_with_what_will_be_observed(bundle: Bundle, inputs: dict[str, Any]) -> None:
    filled, failures = check(bundle, inputs)
    assert failures == {}
    data = plain_map(filled)
    assert data["containers"].keys() == inputs["services"].keys()
    assert {each["state"] for each in data["containers"].values()} == {"running"}
    assert set(data["keys"].values()) == {"new"}
    assert plain_map({key: filled[key] for key in inputs}) == inputs


def test_checking_makes_no_key(bundle: Bundle, inputs: dict[str, Any]) -> None:
    check(bundle, inputs)
    assert not Path(inputs["keyDirectory"]).exists()


@pytest.mark.parametrize(
    ("keys", "value", "failing"),
    [
        (("port",), 0, "port"),
        (("port",), "8080", "port"),
        (("project",), "Trivet_X", "project"),
        (("target",), "moon", "target"),
        (("images", "llama", "manifest"), "sha256:short", "images.llama.manifest"),
    ],
)
def test_a_property_that_breaks_a_rule_is_named(
    bundle: Bundle, inputs: dict[str, Any], keys: tuple[str, ...], value: object, failing: str
) -> None:
    assert list(check(bundle, changed(inputs, *keys, to=value))[1]) == [failing]


def test_a_property_that_does_not_exist_is_named(bundle: Bundle, inputs: dict[str, Any]) -> None:
    assert check(bundle, {**inputs, "prot": 1})[1] == {"prot": "there is no such property"}


def test_the_only_host_does_not_give_its_place_to_a_new_one_of_several(bundle: Bundle, inputs: dict[str, Any]) -> None:
    def failures(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
        response = bundle.check(rpc.CheckRequest(URN, wrap_map(old), wrap_map(new), b""))
        return {failure.property: failure.reason for failure in response.failures or ()}

    alone = {**inputs, "target": "ssh", "host": {"address": "gpu1"}}
    first = {**alone, "sharesKeys": True}
    new = {**first, "host": {"address": "gpu2"}}
    assert "keep the present host first in hosts" in failures(alone, new)["host.address"]
    assert failures(alone, first) == {}
    assert failures(first, new) == {}  # one of several: the keys stay
    assert failures(alone, {**alone, "host": {"address": "gpu2"}}) == {}  # it moves


def test_a_missing_property_is_named(bundle: Bundle, inputs: dict[str, Any]) -> None:
    del inputs["bind"]
    assert list(check(bundle, inputs)[1]) == ["bind"]


def test_a_key_that_others_may_read_fails_the_check(bundle: Bundle, inputs: dict[str, Any]) -> None:
    ring = KeyRing(Path(inputs["keyDirectory"]))
    ring.ensure("default-default")
    ring.path("default-default").chmod(0o644)
    assert "nobody but its owner" in check(bundle, inputs)[1]["keyDirectory"]


def test_nothing_changed_is_no_difference(bundle: Bundle, inputs: dict[str, Any]) -> None:
    same, _ = check(bundle, inputs)
    response = diff(bundle, {**same, "url": PropertyValue("u"), "keyFile": PropertyValue("k")}, same)
    assert (response.changes, response.detailed_diff) == (False, {})


def test_a_changed_argument_is_one_difference(bundle: Bundle, inputs: dict[str, Any]) -> None:
    service = next(name for name in inputs["services"] if name != "gateway")
    old, _ = check(bundle, inputs)
    new, _ = check(bundle, changed(inputs, "services", service, "command", "--threads", to="9"))
    response = diff(bundle, old, new)
    assert list(response.detailed_diff) == [f'services["{service}"].command["--threads"]']
    assert (response.diffs, response.replaces) == (["services"], [])


def test_a_stopped_container_is_a_difference(bundle: Bundle, inputs: dict[str, Any]) -> None:
    wish, _ = check(bundle, inputs)
    seen = wrap_map(changed(plain_map(wish), "containers", "gateway", "state", to="exited"))
    assert list(diff(bundle, seen, wish).detailed_diff) == ["containers.gateway.state"]


def test_a_removed_key_file_is_a_difference(bundle: Bundle, inputs: dict[str, Any]) -> None:
    ring = KeyRing(Path(inputs["keyDirectory"]))
    for name in ("default-default", "conformance-default"):
        ring.ensure(name)
    before, _ = check(bundle, inputs)
    ring.remove("default-default")
    after, _ = check(bundle, inputs)
    assert 'keys["default-default"]' in diff(bundle, before, after).detailed_diff


def test_another_project_is_another_installation(bundle: Bundle, inputs: dict[str, Any]) -> None:
    old, _ = check(bundle, inputs)
    new, _ = check(bundle, {**inputs, "project": "trivet-other"})
    response = diff(bundle, old, new)
    assert (response.replaces, response.delete_before_replace) == (["project"], True)
    assert response.detailed_diff["project"].kind is rpc.PropertyDiffKind.UPDATE_REPLACE


def test_a_preview_says_where_the_stack_will_answer_and_keeps_secrets_secret(
    bundle: Bundle, inputs: dict[str, Any]
) -> None:
    filled, _ = check(bundle, inputs)
    filled["frontierApiKey"] = PropertyValue("canary", is_secret=True)
    properties = bundle.create(rpc.CreateRequest(URN, filled, 0, preview=True)).properties
    assert properties["url"].value == "http://127.0.0.1:1/v1"
    assert str(properties["keyFile"].value).endswith("/keys/default-default.key")
    assert properties["frontierApiKey"].is_secret


def test_a_state_that_cannot_be_read_says_who_can(bundle: Bundle) -> None:
    with pytest.raises(TrivetError, match="destroy the stack with the version that wrote it"):
        bundle.read(rpc.ReadRequest(URN, "trivet-unit", {"url": PropertyValue("u")}, {}))


def test_an_import_says_that_none_is_needed(bundle: Bundle) -> None:
    with pytest.raises(TrivetError, match="run `pulumi up`"):
        bundle.read(rpc.ReadRequest(URN, "trivet-unit", {}, {}))


def test_another_host_is_another_installation_and_another_way_to_it_is_not(
    bundle: Bundle, inputs: dict[str, Any]
) -> None:
    there = {**inputs, "target": "ssh", "host": {"address": "a", "port": 22}}
    old, _ = check(bundle, there)
    moved, _ = check(bundle, {**there, "host": {"address": "b", "port": 22}})
    reached, _ = check(bundle, {**there, "host": {"address": "a", "port": 2222}})
    assert diff(bundle, old, moved).replaces == ["host"]
    assert diff(bundle, old, reached).replaces == []
    assert diff(bundle, old, reached).diffs == ["host"]
