"""A SageMaker endpoint: what is made can be read back, its image lies in a registry, and `destroy` leaves nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.program.cloud import CloudStack, aws
from tests.program.test_bundle_push import Server, served
from tests.unit.examples import ROOT

ZA = "af-south-1"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ENDPOINT = {"mode": "async", "instances": 2, "idleMinutes": 5, "concurrency": 8}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What stands behind ECR."""
    yield from served(Path(tmp_path_factory.mktemp("ecr")) / "open", guarded=False)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with aws() as url:
        yield url


def new_stack(folder: Path, endpoint: str, registry: Server, **own: Any) -> CloudStack:
    changes = {"residency": {"regime": "za-strict", "maxAgeDays": 3650}}
    stack = CloudStack(folder, endpoint, region=ZA, registry=registry.host, changes=changes)
    stack.settings["target"] = "sagemaker"
    stack.settings["aws"] |= {"machine": "m5.xlarge", "endpoint": ENDPOINT, **own}
    del stack.settings["aws"]["image"]
    stack.write()
    return stack


@pytest.fixture(scope="module")
def deployed(endpoint: str, registry: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudStack]:
    stack = new_stack(Path(tmp_path_factory.mktemp("endpoint")), endpoint, registry)
    shutil.copytree(ROOT / "policy", stack.project / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    stack.up("--policy-pack", "policy")
    yield stack
    stack.destroy()
    left = leftovers(stack)
    assert not any(left.values()), left


def leftovers(stack: CloudStack) -> dict[str, list[Any]]:
    """Whatever there is of the stack in AWS, by kind."""
    name = f"trivet-{stack.name}"
    sagemaker, ec2 = stack.client("sagemaker"), stack.client("ec2")
    mine = [{"Name": "tag:trivet:stack", "Values": [name]}]
    keys = [
        stack.client("kms").describe_key(KeyId=each["KeyId"])["KeyMetadata"]
        for each in stack.client("kms").list_keys()["Keys"]
    ]
    return {
        "endpoints": sagemaker.list_endpoints(NameContains=name)["Endpoints"],
        "configurations": sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"],
        "models": sagemaker.list_models(NameContains=name)["Models"],
        "repositories": stack.client("ecr").describe_repositories()["repositories"],
        "networks": ec2.describe_vpcs(Filters=mine)["Vpcs"],
        "groups": ec2.describe_security_groups(Filters=mine)["SecurityGroups"],
        "buckets": [each for each in stack.client("s3").list_buckets()["Buckets"] if each["Name"].startswith(name)],
        "logs": stack.client("logs").describe_log_groups(logGroupNamePrefix="/aws/sagemaker")["logGroups"],
        "roles": [each for each in stack.client("iam").list_roles()["Roles"] if each["RoleName"].startswith(name)],
        "alarms": stack.client("cloudwatch").describe_alarms(AlarmNamePrefix=name)["MetricAlarms"],
        "topics": stack.client("sns").list_topics()["Topics"],
        "targets": stack.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ],
        "keys": [each for each in keys if each["Enabled"] and name in each["Description"]],
    }


def test_outputs_are_those_of_every_tier(deployed: CloudStack) -> None:
    outputs = deployed.outputs
    assert (outputs["tier"], outputs["region"], outputs["machine"]) == ("cloud", ZA, "ml.m5.xlarge")
    assert outputs["url"].startswith(f"https://runtime.sagemaker.{ZA}.amazonaws.com/endpoints/trivet-")
    assert {"keyFile", "specDigest", "lockDigest"} < outputs.keys()
    assert "invoke-endpoint-async" in outputs["invoke"]


def test_the_image_is_in_the_registry_by_the_digest_that_the_model_names(deployed: CloudStack) -> None:
    (model,) = leftovers(deployed)["models"]
    found = deployed.client("sagemaker").describe_model(ModelName=model["ModelName"])
    reference = found["PrimaryContainer"]["Image"]
    assert reference == deployed.outputs["image"]
    host, _, rest = reference.partition("/")
    repository, _, digest = rest.partition("@")
    answer = httpx.get(f"http://{host}/v2/{repository}/manifests/{digest}", headers={"Accept": MANIFEST})
    config = httpx.get(f"http://{host}/v2/{repository}/blobs/{answer.json()['config']['digest']}").json()
    assert config["config"]["Entrypoint"][-1] == "trivet_gateway.node"
    assert deployed.client("ecr").describe_repositories()["repositories"][0]["imageTagMutability"] == "IMMUTABLE"


def test_the_model_s_directory_holds_what_the_container_reads(deployed: CloudStack) -> None:
    (model,) = leftovers(deployed)["models"]
    found = deployed.client("sagemaker").describe_model(ModelName=model["ModelName"])["PrimaryContainer"]
    source = found["ModelDataSource"]["S3DataSource"]
    assert (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "None")
    bucket, _, prefix = source["S3Uri"].removeprefix("s3://").partition("/")
    assert found["Environment"] == {"TRIVET_NODE_FILE": "/opt/ml/model/node.json"}
    s3 = deployed.client("s3")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
    paths = {each["Key"].removeprefix(prefix) for each in listed}
    node = json.loads(_text(deployed, bucket, f"{prefix}node.json"))
    weights = {argument.removeprefix("/opt/ml/model/") for each in node["models"] for argument in each["argv"]} & paths
    assert len(weights) == len(deployed.spec["models"])
    assert paths == {"node.json", "gateway.json", *weights}
    gateway = json.loads(_text(deployed, bucket, f"{prefix}gateway.json"))
    assert gateway["endpoint"] == {"platform": "sagemaker", "team": "default"}


def _text(stack: CloudStack, bucket: str, key: str) -> str:
    """An object's text; its bucket's policy, whose conditions moto does not read, is put aside meanwhile."""
    s3 = stack.client("s3")
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    try:
        found: str = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        return found
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def test_the_container_has_a_network_of_its_own_and_no_way_out(deployed: CloudStack) -> None:
    (group,) = leftovers(deployed)["groups"]
    assert group["IpPermissions"] == []
    assert all(each["PrefixListIds"] and not each["IpRanges"] for each in group["IpPermissionsEgress"])
    model = deployed.state("aws:sagemaker/model:Model")
    assert model["enableNetworkIsolation"] is True
    assert model["vpcConfig"]["securityGroupIds"] == [group["GroupId"]]


def test_model_and_endpoint_wait_for_what_their_role_may_do(deployed: CloudStack) -> None:
    state = json.loads(deployed.pulumi("stack", "export"))["deployment"]["resources"]
    (model,) = [each for each in state if each["type"] == "aws:sagemaker/model:Model"]
    assert [each for each in model["dependencies"] if "rolePolicy" in each and each.endswith("-endpoint")]


def test_the_way_to_s3_lets_it_list_its_model_and_write_its_answers(deployed: CloudStack) -> None:
    (way,) = deployed.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    allowed = {each["Action"] for each in json.loads(way["PolicyDocument"])["Statement"]}
    assert allowed == {"s3:GetObject", "s3:ListBucket", "s3:PutObject"}


def test_no_instance_runs_while_nobody_asks_and_a_waiting_request_wakes_one(deployed: CloudStack) -> None:
    scaling = deployed.client("application-autoscaling")
    (target,) = leftovers(deployed)["targets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 2)
    policies = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    follow = next(each for each in policies if each["PolicyType"] == "TargetTrackingScaling")
    assert follow["TargetTrackingScalingPolicyConfiguration"]["ScaleInCooldown"] == 300
    wake = next(each for each in policies if each["PolicyType"] == "StepScaling")
    alarm = next(each for each in leftovers(deployed)["alarms"] if each["AlarmName"].endswith("-wake"))
    assert (alarm["MetricName"], alarm["AlarmActions"]) == ("HasBacklogWithoutCapacity", [wake["PolicyARN"]])


def test_requests_and_answers_stay_in_the_bucket_under_the_regional_key(deployed: CloudStack) -> None:
    (configuration,) = leftovers(deployed)["configurations"]
    found = deployed.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=configuration["EndpointConfigName"]
    )
    output = found["AsyncInferenceConfig"]["OutputConfig"]
    assert output["S3OutputPath"].startswith(f"s3://{deployed.outputs['bucket']}/")
    assert found["KmsKeyId"] == output["KmsKeyId"]
    assert f":{ZA}:" in found["KmsKeyId"]


def test_somebody_is_told_when_it_fails(deployed: CloudStack) -> None:
    (topic,) = leftovers(deployed)["topics"]
    alarms = [each for each in leftovers(deployed)["alarms"] if each["AlarmActions"] == [topic["TopicArn"]]]
    assert {each["MetricName"] for each in alarms} == {"Invocation5XXErrors", "ModelLatency"}
    (subscription,) = deployed.client("sns").list_subscriptions()["Subscriptions"]
    assert subscription["Endpoint"] == "ops@example.org"


def test_the_role_may_take_its_image_and_weights_and_nothing_else(deployed: CloudStack) -> None:
    name = f"trivet-{deployed.name}-endpoint"
    policy = deployed.client("iam").get_role_policy(RoleName=name, PolicyName=name)["PolicyDocument"]
    free = {statement["Sid"] for statement in policy["Statement"] if statement["Resource"] == "*"}
    assert free == {"registry", "metrics", "network"}
    assert not any("*" in str(statement["Action"]) for statement in policy["Statement"])
    trusted = deployed.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trusted[0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert trusted[0]["Condition"]["StringEquals"]["aws:SourceAccount"] == deployed.settings["aws"]["account"]


def test_what_it_costs_is_listed(deployed: CloudStack) -> None:
    argv = [sys.executable, "-m", "trivet.cli", "cost", "--cloud", "aws", "--region", ZA, "--json"]
    env = {**deployed.env, "AWS_DEFAULT_REGION": ZA}
    done = subprocess.run(argv, cwd=deployed.project, env=env, capture_output=True, text=True, check=True)
    (found,) = json.loads(done.stdout)["running"]
    assert (found["name"], found["machine"]) == (deployed.outputs["endpoint"], "ml.m5.xlarge")


def test_another_machine_alone_is_a_configuration_that_the_endpoint_moves_over_to(deployed: CloudStack) -> None:
    sagemaker, name = deployed.client("sagemaker"), deployed.outputs["endpoint"]
    before = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    (model,) = leftovers(deployed)["models"]
    deployed.settings["aws"] |= {"machine": "m5.large"}
    deployed.write()
    deployed.up()
    after = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    assert after != before
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=after)["ProductionVariants"]
    assert (variant["InstanceType"], variant["ModelName"]) == ("ml.m5.large", model["ModelName"])


def test_another_configuration_is_a_new_model_that_the_endpoint_moves_over_to(deployed: CloudStack) -> None:
    deployed.pulumi("preview", "--expect-no-changes")
    (before,) = leftovers(deployed)["models"]
    deployed.spec["gateway"]["teams"][0]["quota"]["requestsPerMinute"] += 1
    deployed.settings["aws"] |= {"endpoint": {"mode": "realtime"}, "machine": "g4dn.xlarge"}
    deployed.write()
    deployed.make_bundle()
    deployed.up()
    (after,) = leftovers(deployed)["models"]
    assert before["ModelName"] != after["ModelName"]
    sagemaker = deployed.client("sagemaker")
    used = sagemaker.describe_endpoint(EndpointName=deployed.outputs["endpoint"])["EndpointConfigName"]
    found = sagemaker.describe_endpoint_config(EndpointConfigName=used)
    assert found["ProductionVariants"][0]["ModelName"] == after["ModelName"]
    assert deployed.outputs["machine"] == "ml.g4dn.xlarge"
    assert not {"AsyncInferenceConfig", "KmsKeyId"} & found.keys()  # its disk is its own, and encrypts itself
    assert "response-stream" in deployed.outputs["invoke"]
    (target,) = leftovers(deployed)["targets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 1)
    scaling = deployed.client("application-autoscaling")
    (follow,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    metric = follow["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]
    assert metric == {"PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"}
    assert not [each for each in leftovers(deployed)["alarms"] if each["AlarmName"].endswith("-wake")]


def test_weights_that_are_not_what_the_lock_promises_are_refused_before_the_first_resource(
    endpoint: str, registry: Server, tmp_path: Path
) -> None:
    stack = new_stack(tmp_path, endpoint, registry)
    lock = json.loads((stack.project / "inference.lock").read_text())
    file = next(iter(lock["models"].values()))["files"][0]
    blob = stack.store / "blobs/sha256" / file["digest"].removeprefix("sha256:")
    blob.write_bytes(b"x" * file["size"])
    assert "the blob has digest" in stack.up(fails=True)
    assert stack.resources() == []


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"price": 1.0}, ("1 USD/h (your price) × 2 × 730 h a month = 1460.00 USD", "budget of 900 USD")),
        ({"hours": {"start": "07:00", "stop": "19:00"}}, ("hours and stopIdleMinutes are a machine's",)),
        ({"bundle": "none.tar"}, ("none.tar", "trivet bundle create")),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_resource(
    endpoint: str, registry: Server, tmp_path: Path, own: dict[str, Any], words: tuple[str, ...]
) -> None:
    stack = new_stack(tmp_path, endpoint, registry, **own)
    said = stack.up(fails=True)
    assert all(word in said for word in words), said
    assert stack.resources() == []
