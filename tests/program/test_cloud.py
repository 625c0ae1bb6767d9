"""A cloud stack on AWS: what is made can be read back, lies in its region, and is gone after `destroy`."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.program.cloud import CloudStack, aws
from tests.unit.examples import ROOT

ZA, EU = "af-south-1", "eu-central-1"
HOURS = {"start": "07:00", "stop": "19:00", "timezone": "Africa/Johannesburg"}
MODEL = {"gpuMemoryMiB": 12000}
NewCloudStack = Callable[..., CloudStack]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with aws() as url:
        yield url


@pytest.fixture(scope="module")
def new_cloud_stack(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> NewCloudStack:
    def make(region: str = ZA, **changes: Any) -> CloudStack:
        return CloudStack(Path(tmp_path_factory.mktemp("cloud")), endpoint, region=region, changes=changes)

    return make


def trivet(stack: CloudStack, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in the stack's project."""
    argv = [sys.executable, "-m", "trivet.cli", *args]
    env = {**stack.env, "AWS_DEFAULT_REGION": stack.region}
    return subprocess.run(argv, cwd=stack.project, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def deployed(new_cloud_stack: NewCloudStack) -> Iterator[CloudStack]:
    """A stack under za-strict, deployed once for the tests that only read."""
    stack = new_cloud_stack(residency={"regime": "za-strict", "maxAgeDays": 3650})
    shutil.copytree(ROOT / "policy", stack.project / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    stack.settings["aws"] |= {"hours": HOURS, "stopIdleMinutes": 30}
    stack.write()
    stack.up("--policy-pack", "policy")  # which judges each resource once more, and finds nothing wrong
    yield stack
    stack.destroy()
    left = leftovers(stack)
    assert not any(left.values()), left


def leftovers(stack: CloudStack) -> dict[str, list[Any]]:
    """Whatever there is of the stack in AWS, by kind."""
    ec2, name = stack.client("ec2"), f"trivet-{stack.name}"
    mine = [{"Name": "tag:trivet:stack", "Values": [name]}]
    machines = ec2.describe_instances(Filters=mine)["Reservations"]
    endpoints = ec2.describe_vpc_endpoints(Filters=mine)["VpcEndpoints"]
    keys = [stack.client("kms").describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in key_ids(stack)]
    return {
        "instances": [each for one in machines for each in one["Instances"] if each["State"]["Name"] != "terminated"],
        "volumes": ec2.describe_volumes(Filters=mine)["Volumes"],
        "templates": ec2.describe_launch_templates(Filters=mine)["LaunchTemplates"],
        "networks": ec2.describe_vpcs(Filters=mine)["Vpcs"],
        "groups": ec2.describe_security_groups(Filters=mine)["SecurityGroups"],
        "endpoints": [each for each in endpoints if each["State"] != "deleted"],
        "flow logs": ec2.describe_flow_logs(Filters=mine)["FlowLogs"],
        "buckets": [each for each in stack.client("s3").list_buckets()["Buckets"] if each["Name"].startswith(name)],
        "logs": stack.client("logs").describe_log_groups(logGroupNamePrefix=f"/trivet/{name}")["logGroups"],
        "roles": [each for each in stack.client("iam").list_roles()["Roles"] if each["RoleName"].startswith(name)],
        "budgets": [each for each in budgets(stack) if each["BudgetName"] == name],
        "schedules": stack.client("scheduler").list_schedules(NamePrefix=name)["Schedules"],
        "alarms": stack.client("cloudwatch").describe_alarms(AlarmNamePrefix=name)["MetricAlarms"],
        "keys": [each for each in keys if each["Enabled"] and name in each["Description"]],
    }


def key_ids(stack: CloudStack) -> list[dict[str, str]]:
    found: list[dict[str, str]] = stack.client("kms").list_keys()["Keys"]
    return found


def budgets(stack: CloudStack) -> list[dict[str, Any]]:
    answer = stack.client("budgets", "us-east-1").describe_budgets(AccountId=stack.settings["aws"]["account"])
    found: list[dict[str, Any]] = answer["Budgets"]
    return found


def machine(stack: CloudStack) -> dict[str, Any]:
    found: dict[str, Any] = stack.client("ec2").describe_instances(InstanceIds=[stack.outputs["instance"]])
    instance: dict[str, Any] = found["Reservations"][0]["Instances"][0]
    return instance


def test_outputs_are_those_of_every_tier(deployed: CloudStack) -> None:
    outputs = deployed.outputs
    assert (outputs["tier"], outputs["region"]) == ("cloud", ZA)
    assert outputs["url"] == "http://127.0.0.1:8080/v1"
    assert {"keyFile", "specDigest", "lockDigest"} < outputs.keys()
    assert outputs["instance"] in outputs["tunnel"]


def test_the_machine_has_no_public_address_no_ssh_key_and_guarded_metadata(deployed: CloudStack) -> None:
    found = machine(deployed)
    assert found["Placement"]["AvailabilityZone"] == f"{ZA}b"
    assert "PublicIpAddress" not in found
    assert "KeyName" not in found
    assert found["MetadataOptions"]["HttpTokens"] == "required"
    assert found["MetadataOptions"]["HttpPutResponseHopLimit"] == 1


def test_disk_bucket_and_logs_are_encrypted_by_the_regional_key(deployed: CloudStack) -> None:
    kms = deployed.client("kms")
    alias = kms.describe_key(KeyId=f"alias/trivet-{deployed.name}")["KeyMetadata"]
    assert alias["MultiRegion"] is False
    assert f":{ZA}:" in alias["Arn"]
    volume = machine(deployed)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    (disk,) = deployed.client("ec2").describe_volumes(VolumeIds=[volume])["Volumes"]
    assert (disk["Encrypted"], disk["KmsKeyId"]) == (True, alias["Arn"])
    bucket = leftovers(deployed)["buckets"][0]["Name"]
    s3 = deployed.client("s3")
    (rule,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": alias["Arn"]}
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == ZA
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (group,) = leftovers(deployed)["logs"]
    assert (group["kmsKeyId"], group["retentionInDays"]) == (alias["Arn"], 365)


def test_nobody_may_come_in_and_only_endpoints_lead_out(deployed: CloudStack) -> None:
    ec2 = deployed.client("ec2")
    groups = {each["GroupName"].rpartition("-")[2]: each for each in leftovers(deployed)["groups"]}
    assert groups["machine"]["IpPermissions"] == []
    assert {each["FromPort"] for each in groups["machine"]["IpPermissionsEgress"]} == {443}
    assert all(not each["IpRanges"] for each in groups["machine"]["IpPermissionsEgress"])
    vpc = leftovers(deployed)["networks"][0]["VpcId"]
    for kind in ("internet_gateways", "nat_gateways"):
        found = getattr(ec2, f"describe_{kind}")()
        assert vpc not in json.dumps(found, default=str)
    services = {each["ServiceName"].rpartition(".")[2] for each in leftovers(deployed)["endpoints"]}
    assert services == {"s3", "ssm", "ssmmessages"}


def test_the_machine_s_role_can_read_the_bundle_and_be_reached_and_nothing_else(deployed: CloudStack) -> None:
    iam, name = deployed.client("iam"), f"trivet-{deployed.name}-machine"
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
    policy = iam.get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
    for statement in policy["Statement"]:
        assert "*" not in str(statement["Action"])
        assert statement["Resource"] != "*" or statement["Sid"] == "session"


def test_the_machine_is_told_to_install_the_bundle_from_the_region_s_bucket(deployed: CloudStack) -> None:
    answer = deployed.client("ec2").describe_instance_attribute(
        InstanceId=deployed.outputs["instance"], Attribute="userData"
    )
    told = base64.b64decode(answer["UserData"]["Value"]).decode()
    (bucket,) = leftovers(deployed)["buckets"]
    (item,) = deployed.client("s3").list_objects_v2(Bucket=bucket["Name"])["Contents"]
    assert f"s3://{bucket['Name']}/{item['Key']}" in told
    assert item["Size"] == (deployed.project / "bundle.tar").stat().st_size


def test_the_audit_of_the_account_finds_the_stack_and_nothing_wrong_with_it(deployed: CloudStack) -> None:
    done = trivet(deployed, "residency", "audit", "--json")
    findings = [each for each in json.loads(done.stdout)["findings"] if each["asset"].get("region") == ZA]
    assert {each["verdict"] for each in findings} == {"allowed"}  # moto has images of its own in every other region
    names = " ".join(each["asset"]["name"] for each in findings)
    assert deployed.outputs["instance"] in names
    assert f"trivet-{deployed.name}-{deployed.settings['aws']['account']}-{ZA}" in names


def test_everything_is_tagged(deployed: CloudStack) -> None:
    outputs = deployed.outputs
    tags = {each["Key"]: each["Value"] for each in machine(deployed)["Tags"]}
    assert tags["trivet:lock"] == outputs["lockDigest"]
    assert tags["trivet:spec"] == outputs["specDigest"]
    assert leftovers(deployed)["volumes"]


def test_the_budget_warns_before_it_stops_the_machine(deployed: CloudStack) -> None:
    (budget,) = [each for each in budgets(deployed) if deployed.name in each["BudgetName"]]
    assert budget["BudgetLimit"] == {"Amount": "900.00", "Unit": "USD"}
    assert "aws:budgets/budgetAction:BudgetAction" in deployed.resources()


def test_it_runs_by_the_clock_and_stops_when_it_is_idle(deployed: CloudStack) -> None:
    scheduler, instance = deployed.client("scheduler"), deployed.outputs["instance"]
    found = {}
    for each in leftovers(deployed)["schedules"]:
        schedule = scheduler.get_schedule(Name=each["Name"])
        assert schedule["ScheduleExpressionTimezone"] == "Africa/Johannesburg"
        assert json.loads(schedule["Target"]["Input"]) == {"InstanceIds": [instance]}
        found[schedule["Target"]["Arn"].rpartition(":")[2]] = schedule["ScheduleExpression"]
    week = "MON,TUE,WED,THU,FRI"
    assert found == {"startInstances": f"cron(0 7 ? * {week} *)", "stopInstances": f"cron(0 19 ? * {week} *)"}
    (alarm,) = leftovers(deployed)["alarms"]
    assert alarm["AlarmActions"] == [f"arn:aws:automate:{ZA}:ec2:stop"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 30 * 60
    assert alarm["Dimensions"] == [{"Name": "InstanceId", "Value": instance}]


def test_what_it_costs_is_listed_by_the_hour_and_a_stopped_machine_costs_none(deployed: CloudStack) -> None:
    instance, ec2 = deployed.outputs["instance"], deployed.client("ec2")
    asked = ("cost", "--cloud", "aws", "--region", ZA, "--json")
    (found,) = json.loads(trivet(deployed, *asked).stdout)["running"]
    assert (found["name"], found["machine"], found["count"]) == (instance, "t3.large", 1)
    assert found["hourly"] is None  # the tables list machines with GPUs only
    ec2.stop_instances(InstanceIds=[instance])
    (found,) = json.loads(trivet(deployed, *asked).stdout)["running"]
    assert (found["state"], found["count"], found["hourly"]) == ("stopped", 0, 0)
    ec2.start_instances(InstanceIds=[instance])


def test_a_second_up_finds_nothing_to_do_and_a_lost_machine_is_made_again(deployed: CloudStack) -> None:
    deployed.pulumi("preview", "--expect-no-changes")
    before = deployed.outputs["instance"]
    deployed.client("ec2").terminate_instances(InstanceIds=[before])
    deployed.up()
    assert deployed.outputs["instance"] != before


def test_a_gpu_stack_in_europe_gets_the_cheapest_machine_that_fits(new_cloud_stack: NewCloudStack) -> None:
    stack = new_cloud_stack(EU, residency={"regime": "eu", "maxAgeDays": 3650})
    stack.spec["models"][0] |= MODEL
    stack.settings["operatedFrom"] = "DE"
    del stack.settings["aws"]["machine"]
    stack.settings["aws"]["clients"] = ["10.7.0.0/16"]
    stack.write()
    stack.make_bundle()
    stack.up()
    try:
        found = machine(stack)
        assert (found["InstanceType"], found["Placement"]["AvailabilityZone"]) == ("g6.xlarge", f"{EU}b")
        assert stack.outputs["url"] == f"http://{found['PrivateIpAddress']}:8080/v1"
        (group,) = [each for each in leftovers(stack)["groups"] if each["GroupName"].endswith("-machine")]
        assert [each["CidrIp"] for rule in group["IpPermissions"] for each in rule["IpRanges"]] == ["10.7.0.0/16"]
    finally:
        stack.destroy()
    assert not any(leftovers(stack).values()), leftovers(stack)


@pytest.mark.parametrize(
    ("regime", "region", "settings", "words"),
    [
        ("za-strict", EU, {}, ("it is in DE", "POPIA 72(1)")),
        ("za-strict", ZA, {"operatedFrom": "GB"}, ("control-plane (Pulumi)", "it is in GB")),
        ("eu", ZA, {"operatedFrom": "DE"}, ("it is in ZA",)),
        ("za-strict", "af-south-9", {}, ("names no country for it",)),
    ],
)
def test_a_violation_leaves_nothing_in_the_state(
    new_cloud_stack: NewCloudStack, regime: str, region: str, settings: dict[str, Any], words: tuple[str, ...]
) -> None:
    stack = new_cloud_stack(ZA, residency={"regime": regime, "maxAgeDays": 3650})
    stack.settings |= {"region": region, **settings}
    stack.write()
    said = stack.up(fails=True)  # with --skip-preview
    assert all(word in said for word in words), said
    assert stack.resources() == []
    assert not any(leftovers(stack).values())


@pytest.mark.parametrize(
    ("own", "gpu", "words"),
    [
        ({"machine": "g4dn.xlarge"}, {"gpuMemoryMiB": 20000}, ("holds about", "trivet choose")),
        ({"machine": "g5.xlarge"}, MODEL, ("the tables do not list it there", "g4dn.xlarge")),
        ({"machine": None}, {}, ("no machine is named", "aws.machine")),
        ({"image": None}, MODEL, ("no aws.image",)),
        ({"bundle": "none.tar"}, {}, ("none.tar", "trivet bundle create")),
        (
            {"budget": 500, "machine": "g4dn.xlarge"},
            MODEL,
            ("g4dn.xlarge: 0.698 USD/h", "730 h a month = 509.54 USD", "budget of 500 USD"),
        ),
    ],
)
def test_what_cannot_run_is_refused_before_the_first_resource(
    new_cloud_stack: NewCloudStack, own: dict[str, Any], gpu: dict[str, Any], words: tuple[str, ...]
) -> None:
    stack = new_cloud_stack()
    stack.spec["models"][0] |= gpu
    stack.settings["aws"] = {key: each for key, each in {**stack.settings["aws"], **own}.items() if each is not None}
    stack.write()
    stack.make_bundle()
    said = stack.up(fails=True)
    assert all(word in said for word in words), said
    assert stack.resources() == []


def test_a_bundle_of_another_stack_is_refused(new_cloud_stack: NewCloudStack) -> None:
    stack = new_cloud_stack()
    stack.spec["gateway"]["teams"][0]["quota"]["requestsPerMinute"] += 1
    stack.write()
    said = stack.up(fails=True)
    assert "another inference.yaml" in said
    assert stack.resources() == []


def test_an_account_that_is_not_the_named_one_is_refused(new_cloud_stack: NewCloudStack) -> None:
    stack = new_cloud_stack()
    stack.settings["aws"]["account"] = "210987654321"
    stack.write()
    assert "AWS account ID not allowed: 123456789012" in stack.up(fails=True)
    assert not any(leftovers(stack).values())
