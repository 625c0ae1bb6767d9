"""Checking and comparing an App, which asks nothing of Modal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from tests.unit.examples import modal_settings, spec_with
from tests.unit.render.cases import lock_for
from trivet.drivers.bundle.keys import KeyRing
from trivet.errors import CloudError, TrivetError
from trivet.provider.log import EngineLog
from trivet.provider.modal_app import App
from trivet.provider.values import Properties, plain_map, wrap_map
from trivet.render.modal import modal_app

URN = "urn:pulumi:unit::inference::trivet:modal:App::stack"


@pytest.fixture
def resource(monkeypatch: pytest.MonkeyPatch) -> App:
    """Without a token: whoever asks Modal fails."""
    monkeypatch.setenv("MODAL_CONFIG_PATH", os.devnull)
    monkeypatch.delenv("MODAL_TOKEN_ID", raising=False)
    return App(EngineLog("127.0.0.1:1"))


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Any]:
    spec = spec_with({})
    app = modal_app(spec, lock_for(spec), modal_settings(), stack="unit")
    data = app.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**data, "keyDirectory": str(tmp_path / "keys")}


def check(resource: App, inputs: dict[str, Any]) -> tuple[Properties, dict[str, str]]:
    response = resource.check(rpc.CheckRequest(URN, {}, wrap_map(inputs), b""))
    return response.inputs or {}, {failure.property: failure.reason for failure in response.failures or ()}


def diff(resource: App, old: Properties, new: Properties) -> rpc.DiffResponse:
    return resource.diff(rpc.DiffRequest(URN, "trivet-unit", old, new, []))


def changed(data: dict[str, Any], *keys: str, to: Any) -> dict[str, Any]:
    """The data with one leaf replaced."""
    key, *rest = keys
    return {**data, key: changed(data[key], *rest, to=to) if rest else to}


def test_valid_inputs_are_filled_with_what_will_be_seen(resource: App, inputs: dict[str, Any]) -> None:
    filled, failures = check(resource, inputs)
    assert failures == {}
    state = plain_map(filled)["state"]
    assert state["definition"] == "new"
    assert (state["regions"], state["routingRegion"]) == (["eu-west"], "eu-west")
    assert set(state["keys"].values()) == {"new"}
    assert not Path(inputs["keyDirectory"]).exists()


@pytest.mark.parametrize(
    ("keys", "value", "failing"),
    [
        (("autoscaler", "scaledownWindow"), 1, "autoscaler.scaledownWindow"),
        (("autoscaler", "maxContainers"), 0, "autoscaler.maxContainers"),
        (("cpu",), 0, "cpu"),
        (("region",), 7, "region"),
    ],
)
def test_a_property_that_breaks_a_rule_is_named(
    resource: App, inputs: dict[str, Any], keys: tuple[str, ...], value: object, failing: str
) -> None:
    assert list(check(resource, changed(inputs, *keys, to=value))[1]) == [failing]


def test_a_property_that_does_not_exist_is_named(resource: App, inputs: dict[str, Any]) -> None:
    assert check(resource, {**inputs, "gpus": 1})[1] == {"gpus": "there is no such property"}


def test_a_key_that_others_may_read_fails_the_check(resource: App, inputs: dict[str, Any]) -> None:
    ring = KeyRing(Path(inputs["keyDirectory"]))
    ring.ensure("default-default")
    ring.path("default-default").chmod(0o644)
    assert "nobody but its owner" in check(resource, inputs)[1]["keyDirectory"]


def test_nothing_changed_is_no_difference(resource: App, inputs: dict[str, Any]) -> None:
    same, _ = check(resource, inputs)
    assert not diff(resource, {**same, "url": PropertyValue("u"), "keyFile": PropertyValue("k")}, same).changes


def test_an_autoscaler_that_drifted_is_a_difference_by_name(resource: App, inputs: dict[str, Any]) -> None:
    wish, _ = check(resource, inputs)
    seen = wrap_map(changed(plain_map(wish), "state", "autoscaler", "minContainers", to=1))
    response = diff(resource, seen, wish)
    assert (list(response.detailed_diff), response.replaces) == (["state.autoscaler.minContainers"], [])


@pytest.mark.parametrize("name", ["name", "environment"])
def test_another_app_is_another_resource(resource: App, inputs: dict[str, Any], name: str) -> None:
    old, _ = check(resource, inputs)
    new, _ = check(resource, {**inputs, name: "other"})
    response = diff(resource, old, new)
    assert (response.replaces, response.delete_before_replace) == ([name], True)


def test_another_frontier_key_is_another_deployment(resource: App, inputs: dict[str, Any]) -> None:
    ring = KeyRing(Path(inputs["keyDirectory"]))
    for name in ("default-default", "conformance-default"):
        ring.ensure(name)
    one, _ = check(resource, {**inputs, "frontierApiKey": "one"})
    two, _ = check(resource, {**inputs, "frontierApiKey": "two"})
    assert {"frontierApiKey", "state.definition"} <= set(diff(resource, one, two).detailed_diff)


def test_a_preview_promises_no_url_and_keeps_secrets_secret(resource: App, inputs: dict[str, Any]) -> None:
    filled, _ = check(resource, inputs)
    filled["frontierApiKey"] = PropertyValue("canary", is_secret=True)
    properties = resource.create(rpc.CreateRequest(URN, filled, 0, preview=True)).properties
    assert "url" not in properties
    assert str(properties["keyFile"].value).endswith("/keys/default-default.key")
    assert properties["frontierApiKey"].is_secret


def test_a_state_that_cannot_be_read_says_who_can(resource: App) -> None:
    with pytest.raises(TrivetError, match="destroy the stack with the version that wrote it"):
        resource.read(rpc.ReadRequest(URN, "trivet-unit", {"url": PropertyValue("u")}, {}))


def test_an_import_says_that_none_is_needed(resource: App) -> None:
    with pytest.raises(TrivetError, match="run `pulumi up`"):
        resource.read(rpc.ReadRequest(URN, "trivet-unit", {}, {}))


def test_a_preview_shows_the_price_and_the_worst_case(resource: App, inputs: dict[str, Any]) -> None:
    filled, _ = check(resource, {**inputs, "ttl": 7200})
    shown = plain_map(resource.create(rpc.CreateRequest(URN, filled, 0, preview=True)).properties)
    cents = inputs["centsPerHour"]
    assert shown["pricePerHour"] == f"${cents / 100:.2f}"
    assert shown["worstCase"] == f"${2 * cents / 100:.2f}"
    assert shown["monthToDate"] == "unknown"


def test_a_budget_is_nothing_without_the_month_so_far(resource: App, inputs: dict[str, Any]) -> None:
    filled, _ = check(resource, {**inputs, "budgetCents": 10_000_000})
    with pytest.raises(CloudError, match="no token"):
        resource.create(rpc.CreateRequest(URN, filled, 0, preview=True))


def test_one_that_was_passed_over_is_left_alone_until_an_input_changes(resource: App, inputs: dict[str, Any]) -> None:
    filled, _ = check(resource, {**inputs, "mayPass": True})
    passed = {**filled, **wrap_map({"passed": "nobody answers"})}
    assert not diff(resource, passed, filled).changes
    other, _ = check(resource, {**inputs, "mayPass": True, "budgetCents": 9})
    assert diff(resource, passed, other).replaces == ["budgetCents"]
    assert resource.read(rpc.ReadRequest(URN, "trivet-unit", passed, filled)).resource_id == "trivet-unit"
    resource.delete(rpc.DeleteRequest(URN, "trivet-unit", passed, 0))
