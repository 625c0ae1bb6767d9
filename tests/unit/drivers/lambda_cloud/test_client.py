"""The client against the fake on the wire: verbs, rates, what is sent again and what never is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fakes.lambda_cloud import KEY, FakeLambda, Fault, Faults
from tests.program.stack import free_port
from trivet.drivers.lambda_cloud import LambdaCloud
from trivet.drivers.lambda_cloud.domain import FirewallRule, Id, LaunchRequest, Tag
from trivet.errors import AmbiguousError, CapacityError, CloudError

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZha2U= somebody"
RULE = FirewallRule(protocol="tcp", port_range=(22, 22), source_network="198.51.100.0/24", description="SSH")
LAUNCH = ("POST", "/instance-operations/launch")


def request(cloud: LambdaCloud, **changes: Any) -> LaunchRequest:
    """A launch that the API accepts."""
    cloud.add_ssh_key("k", PUBLIC_KEY)
    ruleset = cloud.add_firewall_ruleset("r", "us-east-1", [RULE])
    wish: dict[str, Any] = {
        "region_name": "us-east-1",
        "instance_type_name": "gpu_1x_a10",
        "ssh_key_names": ("k",),
        "name": "n",
        "user_data": "#cloud-config\n",
        "tags": (Tag(key="managed-by", value="trivet"),),
        "firewall_rulesets": (Id(id=ruleset.id),),
    }
    return LaunchRequest.model_validate(wish | changes)


def test_an_instance_is_launched_seen_renamed_and_ended(cloud: LambdaCloud, fake: FakeLambda) -> None:
    launched = cloud.launch(request(cloud))
    booting = cloud.instance(launched)
    assert (booting.status, booting.ip, booting.tags[0].value) == ("booting", None, "trivet")
    fake.clock.sleep(fake.account.boot_seconds)
    assert cloud.instances()[0].ip == "192.0.2.1"
    assert cloud.rename(launched, "other").name == "other"
    assert [each.status for each in cloud.terminate([launched])] == ["terminating"]
    fake.clock.sleep(fake.account.end_seconds)
    assert (cloud.instances(), cloud.instance(launched).status) == ([], "terminated")


def test_offers_carry_price_and_the_regions_with_capacity(cloud: LambdaCloud, fake: FakeLambda) -> None:
    fake.account.capacity["gpu_1x_a10", "us-east-1"] = 0
    offer = cloud.instance_types()["gpu_1x_a10"]
    assert offer.instance_type.price_cents_per_hour == 129
    assert "us-east-1" not in {region.name for region in offer.regions_with_capacity_available}


def test_keys_and_rulesets_come_and_go(cloud: LambdaCloud, fake: FakeLambda) -> None:
    key, ruleset = cloud.add_ssh_key("k", PUBLIC_KEY), cloud.add_firewall_ruleset("r", "us-east-1", [RULE])
    assert (cloud.ssh_keys(), cloud.firewall_rulesets()) == ([key], [ruleset])
    cloud.delete_ssh_key(key.id)
    cloud.delete_firewall_ruleset(ruleset.id)
    assert (fake.account.keys, fake.account.rulesets) == ({}, {})


def test_a_ruleset_in_use_stays(cloud: LambdaCloud) -> None:
    wish = request(cloud)
    cloud.launch(wish)
    with pytest.raises(CloudError) as refused:
        cloud.delete_firewall_ruleset(wish.firewall_rulesets[0].id)
    assert refused.value.code == "firewall-rulesets/firewall-ruleset-in-use"


def test_the_rates_are_kept(cloud: LambdaCloud, fake: FakeLambda) -> None:
    wish = request(cloud)
    before = fake.clock.monotonic()
    for _ in range(3):
        cloud.launch(wish)
    for _ in range(4):
        cloud.instances()
    assert fake.clock.monotonic() - before >= 2 * 12 + 4


def test_the_fake_refuses_who_is_too_fast(fake: FakeLambda, lambda_wire: Any) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    codes = [httpx.get(f"{lambda_wire.url}/instances", headers=headers).status_code for _ in range(2)]
    fake.clock.sleep(1)
    assert codes == [200, 429]
    assert httpx.get(f"{lambda_wire.url}/instances", headers=headers).status_code == 200


@pytest.mark.parametrize("fault", [Fault.TOO_MANY, Fault.REFUSED, Fault.LOST, Fault.LOST_502])
def test_a_get_is_sent_again(cloud: LambdaCloud, fake: FakeLambda, fault: Fault) -> None:
    fake.faults = Faults([fault] * 4)
    assert cloud.instances() == []
    assert len(fake.requests) == 5


@pytest.mark.parametrize("fault", [Fault.TOO_MANY, Fault.REFUSED, Fault.LOST, Fault.LOST_502])
def test_a_terminate_is_sent_again(cloud: LambdaCloud, fake: FakeLambda, fault: Fault) -> None:
    launched = cloud.launch(request(cloud))
    fake.faults = Faults([fault] * 4)
    cloud.terminate([launched])
    assert fake.account.living == []


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.LOST, Fault.LOST_502, Fault.LATE])
def test_a_launch_whose_answer_is_lost_is_never_sent_again(cloud: LambdaCloud, fake: FakeLambda, fault: Fault) -> None:
    wish = request(cloud)
    fake.faults = Faults([fault])
    with pytest.raises(AmbiguousError, match="it looks for what was made before it makes anything"):
        cloud.launch(wish)
    assert fake.requests.count(LAUNCH) == 1
    assert len(fake.account.launches) == (fault is not Fault.REFUSED)


def test_a_launch_that_is_told_to_wait_was_not_carried_out(cloud: LambdaCloud, fake: FakeLambda) -> None:
    wish = request(cloud)
    fake.faults = Faults([Fault.TOO_MANY])
    with pytest.raises(CloudError) as refused:
        cloud.launch(wish)
    assert (refused.value.code, isinstance(refused.value, AmbiguousError)) == ("http/429", False)
    assert fake.account.launches == {}


def test_a_provider_that_stays_ill_is_an_error(cloud: LambdaCloud, fake: FakeLambda) -> None:
    fake.faults = Faults([Fault.REFUSED] * 5)
    with pytest.raises(CloudError, match="the provider answers"):
        cloud.instances()


def test_nobody_there_is_an_error_and_not_in_doubt(fake: FakeLambda) -> None:
    with LambdaCloud(KEY, url=f"http://127.0.0.1:{free_port()}", clock=fake.clock) as cloud:
        with pytest.raises(CloudError) as refused:
            cloud.add_ssh_key("k", PUBLIC_KEY)
        assert refused.value.code == "unreachable"


def test_a_wrong_key_is_named_with_its_remedy_and_never_shown(lambda_wire: Any, fake: FakeLambda) -> None:
    with (
        LambdaCloud("secret_wrong", url=lambda_wire.url, clock=fake.clock) as cloud,
        pytest.raises(CloudError, match="LAMBDA_API_KEY_FILE") as refused,
    ):
        cloud.instances()
    assert refused.value.code == "global/invalid-api-key"
    assert "secret_wrong" not in str(refused.value)


def test_no_capacity_is_an_error_of_its_own(cloud: LambdaCloud, fake: FakeLambda) -> None:
    fake.account.capacity["gpu_1x_a10", "us-east-1"] = 0
    with pytest.raises(CapacityError):
        cloud.launch(request(cloud))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"region_name": "moon-1"}, "global/object-does-not-exist"),
        ({"instance_type_name": "gpu_1x_abacus"}, "global/object-does-not-exist"),
        ({"ssh_key_names": ("nobody",)}, "global/object-does-not-exist"),
        ({"firewall_rulesets": (Id(id="none"),)}, "global/object-does-not-exist"),
        ({"region_name": "us-west-1"}, "global/invalid-parameters"),  # the ruleset is of us-east-1
    ],
)
def test_a_launch_that_the_api_refuses_keeps_its_code(cloud: LambdaCloud, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(CloudError) as refused:
        cloud.launch(request(cloud, **changes))
    assert refused.value.code == code


def test_an_answer_of_another_shape_is_an_error(cloud: LambdaCloud, fake: FakeLambda) -> None:
    launched = cloud.launch(request(cloud))
    fake.account.launches[launched].fate = "dancing"
    fake.clock.sleep(fake.account.boot_seconds)
    with pytest.raises(CloudError, match=r"version 1\.10") as refused:
        cloud.instance(launched)
    assert refused.value.code == "shape"
