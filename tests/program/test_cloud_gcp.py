"""A cloud stack on Google Cloud: what is made lies in its region under its own key, and is gone after `destroy`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.program.estates import GCP, EstateStack

ZA, EU = "africa-south1", "europe-west4"
MODEL = {"gpuMemoryMiB": 12000}
INSTANCE = "gcp:compute/instance:Instance"
FIREWALL = "gcp:compute/firewall:Firewall"
NewGcpStack = Callable[..., EstateStack]


@pytest.fixture(scope="module")
def new_gcp_stack(tmp_path_factory: pytest.TempPathFactory) -> NewGcpStack:
    def make(region: str = ZA, **changes: Any) -> EstateStack:
        return EstateStack(Path(tmp_path_factory.mktemp("gcp")), "gcp", GCP, region=region, changes=changes)

    return make


@pytest.fixture(scope="module")
def deployed(new_gcp_stack: NewGcpStack) -> Iterator[EstateStack]:
    """A stack under za-strict, deployed once for the tests that only read."""
    stack = new_gcp_stack(residency={"regime": "za-strict", "maxAgeDays": 3650})
    stack.add_pack()
    stack.up("--policy-pack", "policy")  # which judges each resource once more, and finds nothing wrong
    yield stack
    stack.destroy()
    require_nothing_left(stack)


def require_nothing_left(stack: EstateStack) -> None:
    """Google keeps the names of key rings for ever."""
    assert {each.token for each in stack.estate.values()} <= {"gcp:kms/keyRing:KeyRing"}


def test_outputs_are_those_of_every_tier(deployed: EstateStack) -> None:
    outputs = deployed.outputs
    assert (outputs["tier"], outputs["region"]) == ("cloud", ZA)
    assert outputs["url"] == "http://127.0.0.1:8080/v1"
    assert {"keyFile", "specDigest", "lockDigest"} < outputs.keys()
    assert outputs["instance"] in outputs["tunnel"]


def test_the_machine_is_shielded_and_has_no_public_address(deployed: EstateStack) -> None:
    machine = deployed.only(INSTANCE).inputs
    assert machine["zone"] == f"{ZA}-a"
    (interface,) = machine["networkInterfaces"]
    assert interface.keys() == {"subnetwork"}
    assert all(machine["shieldedInstanceConfig"].values())
    assert machine["metadata"]["enable-oslogin"] == "TRUE"


def test_disk_and_bucket_are_under_one_key_of_the_region(deployed: EstateStack) -> None:
    key = deployed.only(INSTANCE).inputs["bootDisk"]["kmsKeySelfLink"]
    bucket = deployed.only("gcp:storage/bucket:Bucket").inputs
    assert f"/locations/{ZA}/" in key
    assert bucket["encryption"]["defaultKmsKeyName"] == key
    assert (bucket["location"], bucket["publicAccessPrevention"]) == (ZA, "enforced")
    assert bucket["uniformBucketLevelAccess"]


def test_logs_go_to_the_region_and_not_to_the_project_s_own_bucket(deployed: EstateStack) -> None:
    logs = deployed.only("gcp:logging/projectBucketConfig:ProjectBucketConfig").inputs
    sink = deployed.only("gcp:logging/projectSink:ProjectSink").inputs
    exclusion = deployed.only("gcp:logging/projectExclusion:ProjectExclusion").inputs
    assert (logs["location"], logs["retentionDays"]) == (ZA, 365)
    assert sink["destination"].endswith(f"/locations/{ZA}/buckets/{logs['bucketId']}")
    assert sink["filter"] == exclusion["filter"]


def test_nobody_may_come_in_but_the_tunnel_and_only_google_s_services_lead_out(deployed: EstateStack) -> None:
    rules = {
        each.inputs["name"].removeprefix(f"trivet-{deployed.name}-"): each.inputs for each in deployed.all(FIREWALL)
    }
    assert rules.keys() == {"no-way-out", "to-google", "from-iap"}
    assert rules["from-iap"]["sourceRanges"] == ["35.235.240.0/20"]
    assert rules["from-iap"]["allows"] == [{"protocol": "tcp", "ports": ["22"]}]
    assert rules["no-way-out"]["denies"] == [{"protocol": "all"}]
    assert rules["no-way-out"]["priority"] > rules["to-google"]["priority"]
    account = deployed.only("gcp:serviceaccount/account:Account").outputs["email"]
    assert all(rule["targetServiceAccounts"] == [account] for rule in rules.values())
    network = deployed.only("gcp:compute/network:Network").inputs
    assert network["deleteDefaultRoutesOnCreate"]
    assert deployed.only("gcp:compute/route:Route").inputs["destRange"] == "199.36.153.4/30"


def test_the_machine_s_account_may_read_the_bundle_and_nothing_else(deployed: EstateStack) -> None:
    member = deployed.only("gcp:serviceaccount/account:Account").outputs["member"]
    grants = [each for each in deployed.estate.values() if each.inputs.get("member") == member]
    assert [(each.token, each.inputs["role"]) for each in grants] == [
        ("gcp:storage/bucketIAMMember:BucketIAMMember", "roles/storage.objectViewer")
    ]


def test_the_machine_is_told_to_install_the_bundle_from_the_region_s_bucket(deployed: EstateStack) -> None:
    told = deployed.only(INSTANCE).inputs["metadataStartupScript"]
    item = deployed.only("gcp:storage/bucketObject:BucketObject").inputs
    assert f"/b/{item['bucket']}/o/{item['name']}?alt=media" in told
    assert re.search(r"^bash /var/lib/trivet/bundle/install.sh --key RW", told, re.MULTILINE)


def test_a_second_up_finds_nothing_to_do_and_a_lost_machine_is_made_again(deployed: EstateStack) -> None:
    deployed.pulumi("preview", "--expect-no-changes")
    with deployed.records() as records:
        del records[next(name for name, each in records.items() if each.token == INSTANCE)]
    deployed.up()
    assert deployed.only(INSTANCE)


def test_a_gpu_stack_in_europe_gets_the_cheapest_machine_that_fits(new_gcp_stack: NewGcpStack) -> None:
    stack = new_gcp_stack(EU, residency={"regime": "eu", "maxAgeDays": 3650})
    stack.spec["models"][0] |= MODEL
    stack.settings["operatedFrom"] = "DE"
    stack.settings["gcp"] |= {"clients": ["10.7.0.0/16"], "image": "projects/own-images/global/images/family/gpu"}
    del stack.settings["gcp"]["machine"]
    stack.write()
    stack.make_bundle()
    stack.up()
    try:
        found = stack.only(INSTANCE)
        assert found.inputs["machineType"] == "g2-standard-4"
        assert found.inputs["scheduling"]["onHostMaintenance"] == "TERMINATE"
        assert stack.outputs["url"] == f"http://{found.outputs['networkInterfaces'][0]['networkIp']}:8080/v1"
        (rule,) = [each.inputs for each in stack.all(FIREWALL) if each.inputs["name"].endswith("from-clients")]
        assert (rule["sourceRanges"], rule["allows"][0]["ports"]) == (["10.7.0.0/16"], ["8080"])
    finally:
        stack.destroy()
    require_nothing_left(stack)


def test_the_pack_alone_lets_no_violating_resource_through(new_gcp_stack: NewGcpStack) -> None:
    stack = new_gcp_stack(ZA, residency={"regime": "za-strict", "maxAgeDays": 3650})
    stack.add_pack()
    stack.drop_own_check()
    stack.settings["region"] = EU
    stack.write()
    assert "it is in NL" in stack.up("--policy-pack", "policy", fails=True)  # with --skip-preview
    assert stack.unlawful("za-strict") == []
    stack.destroy()


@pytest.mark.parametrize(
    ("regime", "region", "own", "gpu", "words"),
    [
        ("za-strict", EU, {}, {}, ("it is in NL", "POPIA 72(1)")),
        ("eu", ZA, {}, {}, ("it is in ZA",)),
        ("za-strict", "africa-south9", {}, {}, ("names no country for it",)),
        ("za-strict", ZA, {"machine": None, "image": "projects/own-images/global/images/gpu"}, MODEL,
         ("the tables know of no GPU there", "trivet choose")),
        ("eu", EU, {"machine": "n2-standard-4", "image": "projects/own-images/global/images/gpu"}, MODEL,
         ("the tables do not list it there", "g2-standard-4")),
        ("eu", EU, {"machine": None}, MODEL, ("no gcp.image",)),
        ("za-strict", ZA, {"machine": None}, {}, ("no machine is named", "gcp.machine")),
        ("za-strict", ZA, {"bundle": "none.tar"}, {}, ("none.tar", "trivet bundle create")),
    ],
)  # fmt: skip
def test_what_cannot_or_may_not_be_leaves_nothing_in_the_state(
    new_gcp_stack: NewGcpStack,
    regime: str,
    region: str,
    own: dict[str, Any],
    gpu: dict[str, Any],
    words: tuple[str, ...],
) -> None:
    stack = new_gcp_stack(ZA, residency={"regime": regime, "maxAgeDays": 3650})
    stack.spec["models"][0] |= gpu
    stack.settings |= {"region": region, "operatedFrom": "DE" if regime == "eu" else "ZA"}
    stack.settings["gcp"] = {key: each for key, each in {**stack.settings["gcp"], **own}.items() if each is not None}
    stack.write()
    stack.make_bundle()
    said = stack.up(fails=True)  # with --skip-preview
    assert all(word in said for word in words), said
    assert stack.resources() == []
    assert stack.estate == {}
