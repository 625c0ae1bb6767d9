"""What a cloud resource's properties say about its place, over the corpus that the pack and the guards share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.residency.cases import REGIMES, corpus, judge
from trivet.residency import load_tables
from trivet.residency.resources import UNKNOWN, resource_assets

CASES = corpus("resources")


def assets(case: dict[str, Any]) -> Any:
    return resource_assets(case["type"], case["name"], case["properties"], case.get("provider", {}), load_tables())


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_corpus(case: dict[str, Any], regime: str) -> None:
    report = judge(*assets(case), regime=regime)
    assert report.lawful == (regime in case["allowed"]), report.findings


def test_the_corpus_has_both_verdicts_for_each_cloud_and_names_each_case_once() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES)
    for package in ("aws", "gcp", "azure-native"):
        verdicts = {bool(case["allowed"]) for case in CASES if case["type"].startswith(package)}
        assert verdicts == {True, False}


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("aws:ec2/instance:Instance", {"region": UNKNOWN}),
        ("aws:ec2/instance:Instance", {}),
        ("aws:kms/key:Key", {"region": "af-south-1", "multiRegion": UNKNOWN}),
        ("aws:secretsmanager/secret:Secret", {"region": "af-south-1", "replicas": [{"region": UNKNOWN}]}),
        (
            "aws:backup/plan:Plan",
            {"region": "af-south-1", "rules": [{"copyActions": [{"destinationVaultArn": UNKNOWN}]}]},
        ),
        (
            "aws:bedrock/inferenceProfile:InferenceProfile",
            {"region": "af-south-1", "modelSource": {"copyFrom": UNKNOWN}},
        ),
        ("aws:s3/bucket:Bucket", {"region": "af-south-1", "replicationConfiguration": UNKNOWN}),
        ("aws:secretsmanager/secret:Secret", {"region": "af-south-1", "replicas": UNKNOWN}),
        ("aws:dynamodb/table:Table", {"region": "af-south-1", "replicas": [UNKNOWN]}),
        (
            "aws:ecr/replicationConfiguration:ReplicationConfiguration",
            {"region": "af-south-1", "replicationConfiguration": {"rules": [{"destinations": UNKNOWN}]}},
        ),
        ("aws:backup/plan:Plan", {"region": "af-south-1", "rules": UNKNOWN}),
        (
            "aws:ec2/flowLog:FlowLog",
            {"region": "af-south-1", "logDestinationType": "s3", "logDestination": UNKNOWN},
        ),
        ("aws:route53/queryLog:QueryLog", {"region": "af-south-1", "cloudwatchLogGroupArn": UNKNOWN}),
        ("gcp:secretmanager/secret:Secret", {"location": "africa-south1", "replication": {"userManaged": UNKNOWN}}),
        ("gcp:pubsub/topic:Topic", {"messageStoragePolicy": UNKNOWN}),
        ("gcp:compute/instance:Instance", {"zone": UNKNOWN}),
        ("gcp:secretmanager/secret:Secret", {"location": "africa-south1", "replication": UNKNOWN}),
        ("azure-native:compute:VirtualMachine", {"location": UNKNOWN}),
        ("azure-native:keyvault:Vault", {"location": UNKNOWN}),
    ],
)
def test_what_is_not_known_yet_is_refused(kind: str, properties: dict[str, Any]) -> None:
    found = resource_assets(kind, "x", properties, {}, load_tables())
    assert judge(*found, regime="za-strict").refused
    assert judge(*found, regime="none").lawful


def test_what_is_not_known_yet_and_names_no_place_is_no_reason_to_refuse() -> None:
    properties = {"region": "af-south-1", "subnetId": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN], "ebsOptimized": True}
    found = resource_assets("aws:ec2/instance:Instance", "x", properties, {}, load_tables())
    assert judge(*found, regime="za-strict").lawful


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (
            "aws:secretsmanager/secret:Secret",
            {"region": "af-south-1", "replicas": [{"region": "af-south-1", "kmsKeyId": UNKNOWN}]},
        ),
        ("aws:ec2/flowLog:FlowLog", {"region": "af-south-1", "logDestination": UNKNOWN}),
        (
            "azure-native:monitor:DiagnosticSetting",
            {"location": "southafricanorth", "resourceUri": UNKNOWN, "workspaceId": UNKNOWN},
        ),
    ],
)
def test_a_key_or_a_target_that_the_program_makes_itself_is_no_reason_to_refuse(
    kind: str, properties: dict[str, Any]
) -> None:
    assert judge(*resource_assets(kind, "x", properties, {}, load_tables()), regime="za-strict").lawful


def test_an_unknown_redundancy_is_judged_as_the_widest() -> None:
    def account(location: str) -> Any:
        properties = {"location": location, "sku": {"name": UNKNOWN}}
        return resource_assets("azure-native:storage:StorageAccount", "x", properties, {}, load_tables())

    assert judge(*account("southafricanorth"), regime="za-strict").lawful
    assert judge(*account("polandcentral"), regime="eu").refused


def test_a_replica_is_told_from_what_it_is_a_copy_of() -> None:
    secret = next(case for case in CASES if case["name"] == "secret-with-a-replica-abroad")
    assert [(asset.kind, asset.region) for asset in assets(secret)] == [
        ("secret", "af-south-1"),
        ("secret-replica", "eu-west-1"),
    ]
