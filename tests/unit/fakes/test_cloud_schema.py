"""The stand-in for a cloud's plugin refuses what the SDK's classes do not take: else it would prove nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.pulumi_cloud.schema import SIGNATURE, UNKNOWN, Schema

ASSET = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "path": "x"}
TEMPLATE, OBJECT = "aws:ec2/launchTemplate:LaunchTemplate", "aws:s3/bucketObjectv2:BucketObjectv2"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
RULE = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}, "bucketKeyEnabled": True}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema("pulumi_aws")


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (TEMPLATE, {"userData": "eA==", "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1}}),
        (TEMPLATE, {"imageId": UNKNOWN, "tags": {"a": "b"}, "__defaults": []}),
        (OBJECT, {"bucket": "b", "source": ASSET}),
        (ENCRYPTION, {"bucket": "b", "rules": [RULE]}),
        ("pulumi:providers:aws", {"region": "af-south-1", "allowedAccountIds": ["1"]}),
    ],
)
def test_what_the_sdk_takes_passes(schema: Schema, token: str, inputs: dict[str, Any]) -> None:
    assert schema.failures(token, inputs) == []


@pytest.mark.parametrize(
    ("token", "inputs", "failure"),
    [
        (TEMPLATE, {"usrData": "x"}, ("usrData", "no such argument")),
        (TEMPLATE, {"metadataOptions": {"httpToken": "required"}}, ("metadataOptions.httpToken", "no such argument")),
        (TEMPLATE, {"blockDeviceMappings": [{"ebs": {"volumeSize": "5"}}]},
         ("blockDeviceMappings[0].ebs.volumeSize", "int is wanted, not '5'")),
        (TEMPLATE, {"tags": {"n": 1}}, ("tags.n", "str is wanted, not 1")),
        (TEMPLATE, {"updateDefaultVersion": "true"}, ("updateDefaultVersion", "bool is wanted, not 'true'")),
        (OBJECT, {"bucket": "b", "key": ASSET}, ("key", f"str is wanted, not {ASSET!r}")),
        (OBJECT, {}, ("bucket", "missing required argument")),
        ("aws:ec2/nothing:Nothing", {}, ("", "unknown resource type aws:ec2/nothing:Nothing")),
        ("pulumi:providers:aws", {"regin": "x"}, ("regin", "no such argument")),
    ],
)  # fmt: skip
def test_what_it_does_not_take_is_refused_by_name(
    schema: Schema, token: str, inputs: dict[str, Any], failure: tuple[str, str]
) -> None:
    assert schema.failures(token, inputs) == [failure]
