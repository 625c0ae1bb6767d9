"""`trivet residency audit` against a server that speaks AWS's API: every drift is found, and nothing else."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests.unit.examples import ROOT
from trivet.cli import main

ROLE = "arn:aws:iam::123456789012:role/stack"
HOME, ABROAD = "af-south-1", ("eu-west-1", "us-east-1")
COPIES = ("us-west-2", "ap-southeast-1", "eu-central-1", "me-south-1", "us-east-2")
Seed = Callable[[str, str], Any]


def client(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region)


def image(region: str) -> str:
    """An own image, of a volume's snapshot."""
    ec2 = client("ec2", region)
    device = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 1}}
    made: str = ec2.register_image(Name=f"image-{region}", BlockDeviceMappings=[device])["ImageId"]
    return made


def instance(region: str, _name: str) -> None:
    client("ec2", region).run_instances(ImageId=image(region), InstanceType="g4dn.xlarge", MinCount=1, MaxCount=1)


def volume(region: str, _name: str) -> str:
    made: str = client("ec2", region).create_volume(AvailabilityZone=f"{region}a", Size=1)["VolumeId"]
    return made


def snapshot(region: str, name: str) -> None:
    client("ec2", region).create_snapshot(VolumeId=volume(region, name))


def key(region: str, name: str) -> None:
    client("kms", region).create_key(Description=name)


def secret(region: str, name: str) -> None:
    client("secretsmanager", region).create_secret(Name=name, SecretString="x")


def repository(region: str, name: str) -> None:
    client("ecr", region).create_repository(repositoryName=name)


def log_group(region: str, name: str) -> None:
    client("logs", region).create_log_group(logGroupName=name)


def vault(region: str, name: str) -> None:
    client("backup", region).create_backup_vault(BackupVaultName=name)


def model(region: str, name: str) -> None:
    client("sagemaker", region).create_model(ModelName=name, ExecutionRoleArn=ROLE)


def bucket(region: str, name: str) -> None:
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client("s3", region).create_bucket(Bucket=f"{name}-{region}", **where)


def cluster(region: str, name: str) -> None:
    client("eks", region).create_cluster(name=name, roleArn=ROLE, resourcesVpcConfig={})


def plan(copy_to: str | None, name: str) -> None:
    rule: dict[str, Any] = {"RuleName": "r", "TargetBackupVaultName": "v"}
    if copy_to:
        rule["CopyActions"] = [{"DestinationBackupVaultArn": f"arn:aws:backup:{copy_to}:1:backup-vault:v"}]
    client("backup", HOME).create_backup_plan(BackupPlan={"BackupPlanName": name, "Rules": [rule]})


SIMPLE: tuple[Seed, ...] = (volume, key, secret, repository, log_group, vault, model, bucket, cluster)


def seed_lawful() -> None:
    """What may be: everything at home, one of each."""
    for make in (*SIMPLE, instance, snapshot):
        make(HOME, f"home-{make.__name__.replace('_', '-')}")
    plan(None, "home-plan")


def seed_drift() -> int:
    """What an operator can do in a console. Returns how many things are then where they may not be."""
    for region in ABROAD:
        for make in SIMPLE:
            make(region, f"drift-{make.__name__.replace('_', '-')}")
    instance("us-west-2", "drift")  # with its volume and its image
    snapshot("ap-southeast-1", "drift")  # with its volume
    client("kms", HOME).create_key(Description="for many regions", MultiRegion=True)
    client("secretsmanager", HOME).create_secret(
        Name="copied", SecretString="x", AddReplicaRegions=[{"Region": "eu-central-1"}]
    )
    plan("me-south-1", "drift-plan")
    client("ecr", HOME).put_replication_configuration(
        replicationConfiguration={"rules": [{"destinations": [{"region": "us-east-2", "registryId": "1" * 12}]}]}
    )
    replicate_bucket()
    return len(SIMPLE) * len(ABROAD) + 3 + 2 + 1 + 2 + 1 + 1 + 1 + 1  # the copied secret is at two places


def replicate_bucket() -> None:
    """A replication, even if its target is at home: nobody can tell from an ARN where a bucket lies."""
    for name in ("source", "target"):
        bucket(HOME, name)
        client("s3", HOME).put_bucket_versioning(Bucket=f"{name}-{HOME}", VersioningConfiguration={"Status": "Enabled"})
    rule = {
        "ID": "r",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::target-{HOME}"},
    }
    client("s3", HOME).put_bucket_replication(
        Bucket=f"source-{HOME}", ReplicationConfiguration={"Role": ROLE, "Rules": [rule]}
    )


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account on a server of its own."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx.post(f"{url}/moto-api/reset").raise_for_status()  # its state is the process's, not the server's
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": HOME,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    yield
    server.stop()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    strict = "regime: za-strict\n  maxAgeDays: 3650"
    (tmp_path / "inference.yaml").write_text((ROOT / "inference.yaml").read_text().replace("regime: none", strict))
    return tmp_path


Places = set[tuple[str, str, str | None]]


def places(said: dict[str, Any], verdict: str) -> Places:
    """Kind, name and region of what got a verdict."""
    assets = [each["asset"] for each in said["findings"] if each["verdict"] == verdict]
    return {(asset["kind"], asset["name"], asset["region"]) for asset in assets}


@pytest.mark.usefixtures("aws")
def test_every_seeded_drift_is_found_and_nothing_that_is_at_home(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed_lawful()
    drifts = seed_drift()
    capsys.readouterr()
    assert main(["residency", "audit", "--project", str(project), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    refused = places(said, "refused")
    assert len(refused) == drifts == 30, sorted(refused, key=str)
    assert {region for _, _, region in refused} == {None, *ABROAD, *COPIES}
    assert {region for _, _, region in places(said, "allowed")} == {HOME}
    at_home = {name.partition(" ")[0] for _, name, _ in places(said, "allowed")}
    named = {
        "home-secret",
        "home-repository",
        "home-log-group",
        "home-vault",
        "home-model",
        "home-cluster",
        "home-plan",
    }
    assert {*named, f"home-bucket-{HOME}"} <= at_home


def test_an_account_that_cannot_be_read_is_an_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", HOME)
    assert main(["residency", "audit", "--project", str(project)]) == 2
    assert "what it cannot read may be anywhere" in capsys.readouterr().err
