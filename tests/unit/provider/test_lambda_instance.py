"""An Instance, from check to delete, against a fake Lambda in real time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as rpc

from tests.fakes.lambda_cloud import KEY, FakeLambda, Fault, Faults
from tests.fakes.lambda_cloud.app import BASE
from tests.fakes.serving import serving
from tests.unit.drivers.installations import installation
from tests.unit.examples import settings
from trivet.drivers.clock import SystemClock
from trivet.drivers.rented.broker import Broker
from trivet.drivers.rented.broker_check import require_broker
from trivet.drivers.rented.broker_server import listening
from trivet.drivers.rented.providers import open_lambda
from trivet.drivers.rented.rental import rental
from trivet.drivers.ssh.pins import Pins
from trivet.errors import BudgetError, HostError, TrivetError
from trivet.idle.sealed import lease_secret
from trivet.provider.bundle import Bundle
from trivet.provider.lambda_instance import Instance
from trivet.provider.log import EngineLog
from trivet.provider.resource import InitFailedError
from trivet.provider.values import Properties, plain_map, wrap_map
from trivet.spec.ssh import SshHop

URN = "urn:pulumi:unit::inference::trivet:lambdacloud:Instance::node"
LAMBDA = {"instanceTypes": ["gpu_1x_a10"], "allowFrom": ["198.51.100.7/32"], "monthlyBudget": 50}


@pytest.fixture
def instance() -> Instance:
    return Instance(EngineLog("127.0.0.1:1"))


@pytest.fixture
def inputs() -> Properties:
    rented = settings(tier="gpuaas", target="lambda", region="us-east-1", **{"lambda": LAMBDA})
    wanted = rental(rented, stack="unit", port=8080, root="/var/lib/trivet/unit")
    return wrap_map({**wanted.model_dump(mode="json", by_alias=True), "sshWait": 0})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeLambda]:
    fake = FakeLambda(SystemClock())
    fake.account.boot_seconds = fake.account.end_seconds = 0
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMBDA_API_KEY", KEY)
    with serving(fake.app) as url:
        monkeypatch.setenv("LAMBDA_CLOUD_URL", url + BASE)
        yield fake


def create(instance: Instance, inputs: Properties, *, preview: bool = False) -> Properties:
    return dict(instance.create(rpc.CreateRequest(URN, inputs, 0, preview=preview)).properties)


def changed(properties: Properties, **changes: Any) -> Properties:
    return {**properties, **wrap_map(changes)}


def test_what_is_no_rental_fails_the_check(instance: Instance, inputs: Properties) -> None:
    response = instance.check(rpc.CheckRequest(URN, {}, changed(inputs, ttl="soon", colour="red"), b""))
    assert {failure.property for failure in response.failures or ()} == {"colour", "ttl"}
    assert not instance.check(rpc.CheckRequest(URN, {}, inputs, b"")).failures


def test_a_budget_changes_nothing_on_the_node_and_anything_else_is_another_node(
    instance: Instance, inputs: Properties
) -> None:
    budget = instance.diff(rpc.DiffRequest(URN, "unit", inputs, changed(inputs, budgetCents=1), []))
    assert (budget.changes, budget.replaces) == (True, [])
    idle = instance.diff(rpc.DiffRequest(URN, "unit", inputs, changed(inputs, idle=999), []))
    assert (idle.replaces, idle.delete_before_replace) == (["idle"], True)
    assert not instance.diff(rpc.DiffRequest(URN, "unit", inputs, inputs, [])).changes


def test_a_preview_asks_for_the_price_and_leaves_nothing_behind(
    instance: Instance, inputs: Properties, fake: FakeLambda, tmp_path: Path
) -> None:
    shown = plain_map(create(instance, inputs, preview=True))
    assert (shown["pricePerHour"], shown["worstCase"], shown["monthToDate"]) == ("$1.29", "$10.32", "$0.00")
    assert (fake.account.launches, list(tmp_path.iterdir())) == ({}, [])


def test_a_preview_over_the_budget_is_refused(instance: Instance, inputs: Properties, fake: FakeLambda) -> None:
    with pytest.raises(BudgetError, match=r"\$1\.29/h × 8 h × 1 = \$10\.32"):
        create(instance, changed(inputs, budgetCents=1000), preview=True)
    assert fake.account.launches == {}


def test_a_node_comes_is_seen_and_goes(
    instance: Instance, inputs: Properties, fake: FakeLambda, tmp_path: Path
) -> None:
    made = create(instance, inputs)
    (launch,) = fake.account.launches.values()
    data = plain_map(made)
    assert (data["nodeId"], data["address"], data["region"]) == (launch.id, launch.address, "us-east-1")
    assert Pins(tmp_path / ".trivet/known_hosts").of(SshHop(address=launch.address))
    assert KEY not in (launch.body.user_data or "")
    assert "PRIVATE KEY" not in str(data)
    assert instance.read(rpc.ReadRequest(URN, "unit", made, inputs)).resource_id == "unit"
    instance.delete(rpc.DeleteRequest(URN, "unit", made, 0))
    assert (fake.account.living, fake.account.keys, fake.account.rulesets) == ([], {}, {})
    assert not (tmp_path / ".trivet/ssh").exists() or not list((tmp_path / ".trivet/ssh").iterdir())
    assert instance.read(rpc.ReadRequest(URN, "unit", made, inputs)).resource_id == ""


def test_a_node_that_ended_by_itself_is_gone_and_what_was_made_beside_it_too(
    instance: Instance, inputs: Properties, fake: FakeLambda, tmp_path: Path
) -> None:
    made = create(instance, changed(inputs, keyOnNode=True))
    (launch,) = fake.account.launches.values()
    assert KEY in (launch.body.user_data or "")
    fake.account.end(launch)
    assert instance.read(rpc.ReadRequest(URN, "unit", made, inputs)).resource_id == ""
    assert (fake.account.keys, fake.account.rulesets) == ({}, {})
    assert not (tmp_path / ".trivet/ssh/unit").exists()


def test_with_a_broker_the_node_has_a_secret_of_its_own_and_no_key(
    instance: Instance, inputs: Properties, fake: FakeLambda
) -> None:
    with brokering(KEY) as url:
        create(instance, changed(inputs, broker=url))
    (launch,) = fake.account.launches.values()
    user_data = launch.body.user_data or ""
    assert url in user_data
    assert lease_secret(KEY, launch.tags["launch-id"]) in user_data
    assert KEY not in user_data


@contextmanager
def brokering(key: str) -> Iterator[str]:
    with open_lambda() as provider, listening(Broker(provider, key, lambda _: None), "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}/"


def test_with_a_broker_of_another_key_or_none_nothing_is_rented(
    instance: Instance, inputs: Properties, fake: FakeLambda
) -> None:
    with brokering("another key") as url, pytest.raises(TrivetError, match="its key is another one"):
        create(instance, changed(inputs, broker=url, mayPass=True))
    with pytest.raises(TrivetError, match="or leave lambda"):
        create(instance, changed(inputs, broker=url))
    with serving(fake.app) as url, pytest.raises(TrivetError, match="HTTP 404"):
        create(instance, changed(inputs, broker=url))
    assert fake.account.launches == {}


def test_a_broker_is_asked_again_by_its_own_clock(fake: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> None:
    with brokering(KEY) as url:
        monkeypatch.setattr(time, "time", lambda real=time.time: real() - 5000)
        require_broker(url, KEY)
    assert fake.account.launches == {}


def test_a_run_that_is_cut_tells_pulumi_of_what_it_launched(
    instance: Instance, inputs: Properties, fake: FakeLambda
) -> None:
    fake.account.on_launch = lambda _: instance.cancel()
    fake.account.boot_seconds = 600
    with pytest.raises(InitFailedError) as cut:
        create(instance, inputs)
    assert (cut.value.resource_id, len(fake.account.living)) == ("unit", 1)
    Instance(EngineLog("127.0.0.1:1")).delete(rpc.DeleteRequest(URN, "unit", cut.value.properties, 0))
    assert fake.account.living == []


def test_a_checkout_without_the_ledger_ends_the_node_of_its_state_and_no_other(
    instance: Instance, inputs: Properties, fake: FakeLambda
) -> None:
    made = create(instance, inputs)
    (own,) = fake.account.living
    tags = [tag.model_copy(update={"value": "0" * 16}) if tag.key == "launch-id" else tag for tag in own.body.tags]
    other = fake.account.launch(own.body.model_copy(update={"tags": tags, "firewall_rulesets": []}))
    shutil.rmtree(".trivet/rented")
    instance.delete(rpc.DeleteRequest(URN, "unit", made, 0))
    assert fake.account.living == [other]


def test_an_import_says_that_none_is_needed(instance: Instance) -> None:
    with pytest.raises(TrivetError, match="it takes over the node"):
        instance.read(rpc.ReadRequest(URN, "unit", {}, {}))


def test_what_was_installed_on_a_node_that_ended_is_gone_with_it(
    instance: Instance, inputs: Properties, fake: FakeLambda, tmp_path: Path
) -> None:
    made = plain_map(create(instance, inputs))
    host = {"address": made["address"], "knownHosts": str(tmp_path / "nothing-pinned")}  # so nobody is reached
    rendered = installation(tmp_path).model_dump(mode="json", by_alias=True)
    installed = wrap_map({**rendered, "target": "ssh", "host": host, "launchId": made["launchId"]})
    bundle, read = Bundle(EngineLog("127.0.0.1:1")), rpc.ReadRequest(URN, "trivet-unit", installed, installed)
    with pytest.raises(HostError):
        bundle.read(read)
    fake.account.end(fake.account.living[0])
    assert bundle.read(read).resource_id == ""


def test_a_provider_with_another_after_it_is_passed_over_and_left_as_it_was(
    instance: Instance, inputs: Properties, fake: FakeLambda, tmp_path: Path
) -> None:
    may_pass = changed(inputs, mayPass=True)
    fake.faults = Faults([Fault.SOLD_OUT] * 2, path="/instance-operations/launch")
    assert plain_map(create(instance, may_pass, preview=True))["passed"] == ""
    made = create(instance, may_pass)
    assert "insufficient-capacity" in plain_map(made)["passed"]
    assert (fake.account.launches, fake.account.keys, fake.account.rulesets) == ({}, {}, {})
    assert not (tmp_path / ".trivet/ssh/unit").exists()
    asked = len(fake.requests)
    assert instance.read(rpc.ReadRequest(URN, "unit", made, may_pass)).resource_id == "unit"
    instance.delete(rpc.DeleteRequest(URN, "unit", made, 0))
    assert len(fake.requests) == asked


def test_one_that_was_passed_over_is_asked_again_when_an_input_changes(instance: Instance, inputs: Properties) -> None:
    passed = changed(inputs, mayPass=True, passed="none to be had")
    diff = instance.diff(rpc.DiffRequest(URN, "unit", passed, changed(inputs, mayPass=True, budgetCents=9), []))
    assert diff.replaces == ["budgetCents"]
    assert not instance.diff(rpc.DiffRequest(URN, "unit", passed, changed(inputs, mayPass=True), [])).changes


def test_a_preview_passes_over_what_the_budget_does_not_allow(
    instance: Instance, inputs: Properties, fake: FakeLambda
) -> None:
    shown = plain_map(create(instance, changed(inputs, mayPass=True, budgetCents=1000), preview=True))
    assert "$1.29/h × 8 h × 1 = $10.32" in shown["passed"]
    assert fake.account.launches == {}


def test_an_answer_in_doubt_is_never_passed_over(instance: Instance, inputs: Properties, fake: FakeLambda) -> None:
    fake.faults = Faults([Fault.LOST], path="/instance-operations/launch")
    made = create(instance, changed(inputs, mayPass=True))
    assert plain_map(made)["passed"] == ""
    assert len(fake.account.living) == 1
    instance.delete(rpc.DeleteRequest(URN, "unit", made, 0))
