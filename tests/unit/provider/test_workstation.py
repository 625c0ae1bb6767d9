"""Checking and comparing a Workstation, which needs no host."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.provider.experimental import provider as rpc

from trivet.drivers.ansible import roles_digest
from trivet.errors import HostError, TrivetError
from trivet.provider.log import EngineLog
from trivet.provider.values import Properties, plain_map, wrap_map
from trivet.provider.workstation import Workstation
from trivet.render.ansible import Setup
from trivet.spec.ssh import SshTarget

URN = "urn:pulumi:unit::inference::trivet:host:Workstation::workstation"
SETUP = Setup(host=SshTarget(address="gpu1"), variables={"workstation_roles": ["engine"], "engine_log_files": 5})
INPUTS: dict[str, Any] = SETUP.model_dump(mode="json", by_alias=True)
PENDING = {"engine: Have the units run (docker.service)": ""}


@pytest.fixture
def workstation() -> Workstation:
    return Workstation(EngineLog("127.0.0.1:1"))


def check(workstation: Workstation, inputs: dict[str, Any]) -> tuple[Properties, dict[str, str]]:
    response = workstation.check(rpc.CheckRequest(URN, {}, wrap_map(inputs), b""))
    return response.inputs or {}, {failure.property: failure.reason for failure in response.failures or ()}


def diff(workstation: Workstation, old: dict[str, Any], new: dict[str, Any]) -> rpc.DiffResponse:
    return workstation.diff(rpc.DiffRequest(URN, "gpu1", wrap_map(old), wrap_map(new), []))


@pytest.fixture
def filled(workstation: Workstation) -> dict[str, Any]:
    inputs, failures = check(workstation, INPUTS)
    assert failures == {}
    return plain_map(inputs)


def test_inputs_promise_that_nothing_is_pending_by_these_roles(filled: dict[str, Any]) -> None:
    assert filled == {**INPUTS, "roles": roles_digest(), "pending": {}}


@pytest.mark.parametrize(
    ("change", "failing"), [({"host": {"address": "-oProxyCommand=x"}}, "host.address"), ({"hots": {}}, "hots")]
)
def test_inputs_that_break_a_rule_are_named(workstation: Workstation, change: dict[str, Any], failing: str) -> None:
    assert failing in check(workstation, {**INPUTS, **change})[1]


def test_what_was_seen_beside_the_inputs_is_no_difference(workstation: Workstation, filled: dict[str, Any]) -> None:
    seen = {**filled, "notices": ["no GPU"], "witness": {"files": [], "commands": [], "digest": "x"}}
    assert not diff(workstation, seen, filled).changes


def test_what_is_pending_is_a_difference_task_by_task(workstation: Workstation, filled: dict[str, Any]) -> None:
    found = diff(workstation, {**filled, "pending": PENDING}, filled)
    assert found.changes
    assert found.detailed_diff is not None
    assert list(found.detailed_diff) == ['pending["engine: Have the units run (docker.service)"]']
    assert found.diffs == ["pending"]


def test_other_roles_are_a_difference(workstation: Workstation, filled: dict[str, Any]) -> None:
    assert diff(workstation, {**filled, "roles": "sha256:other"}, filled).diffs == ["roles"]


def test_another_address_is_another_machine_and_another_port_is_not(
    workstation: Workstation, filled: dict[str, Any]
) -> None:
    assert diff(workstation, filled, {**filled, "host": {**filled["host"], "address": "gpu2"}}).replaces
    assert not diff(workstation, filled, {**filled, "host": {**filled["host"], "port": 2222}}).replaces


def test_an_import_is_refused(workstation: Workstation) -> None:
    with pytest.raises(HostError, match="pulumi up"):
        workstation.read(rpc.ReadRequest(URN, "gpu1", {}, {}))


def test_a_state_of_another_version_says_so_and_what_to_do(workstation: Workstation) -> None:
    with pytest.raises(TrivetError, match="this version of Trivet writes it") as refused:
        workstation.read(rpc.ReadRequest(URN, "gpu1", wrap_map({"host": {"addr": "gpu1"}, "pending": {}}), {}))
    assert "--refresh=false" in str(refused.value)


def test_a_preview_of_drift_alone_does_not_look_at_the_host_again(
    workstation: Workstation, filled: dict[str, Any]
) -> None:
    olds, news = wrap_map({**filled, "pending": PENDING}), wrap_map(filled)
    response = workstation.update(rpc.UpdateRequest(URN, "gpu1", olds, news, 0, [], True))
    assert response.properties == news
