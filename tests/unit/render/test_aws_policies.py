"""Policies say what they must, and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.render import aws_policies as policies

ACCOUNT, REGION, BUCKET = "123456789012", "af-south-1", "trivet-clinic"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"


def statements(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["Statement"]
    return found


def test_the_key_serves_the_account_and_the_logs_and_alarms_of_its_own_region() -> None:
    account, logs, alarms = statements(policies.key_policy(ACCOUNT, REGION))
    assert account["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert logs["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    assert REGION in str(logs["Condition"])
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def test_the_machine_decrypts_through_s3_alone() -> None:
    decrypt = next(
        each for each in statements(policies.machine_policy(BUCKET, KEY, REGION)) if each["Sid"] == "decrypt"
    )
    assert decrypt["Resource"] == KEY
    assert decrypt["Condition"] == {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}


@pytest.mark.parametrize(
    "text", [policies.machine_policy(BUCKET, KEY, REGION), policies.endpoint_policy(BUCKET, REGION)]
)
def test_nothing_can_be_written_to_s3(text: str) -> None:
    actions = [each["Action"] for each in statements(text) if "s3" in str(each["Action"])]
    assert set(actions) == {"s3:GetObject"}


def test_the_way_to_s3_lets_sagemaker_list_its_model_and_write_answers_alone() -> None:
    bucket = f"arn:aws:s3:::{BUCKET}"
    assert {each["Action"]: each["Resource"] for each in statements(policies.serving_policy(BUCKET))} == {
        "s3:GetObject": [f"{bucket}/*"],
        "s3:ListBucket": [bucket],
        "s3:PutObject": [f"{bucket}/answered/*", f"{bucket}/failed/*"],
    }


def test_the_budget_stops_machines_of_its_own_stack_alone() -> None:
    _, stop = statements(policies.stop_policy(ACCOUNT, REGION, "trivet-clinic"))
    assert stop["Action"] == "ec2:StopInstances"
    assert stop["Condition"] == {"StringEquals": {"aws:ResourceTag/trivet:stack": "trivet-clinic"}}


@pytest.mark.parametrize(("service", "bound"), [("ec2.amazonaws.com", False), ("budgets.amazonaws.com", True)])
def test_a_role_is_taken_on_behalf_of_the_account_alone(service: str, *, bound: bool) -> None:
    (trusted,) = statements(policies.trust(service, ACCOUNT))
    assert trusted["Principal"] == {"Service": service}
    assert ("Condition" in trusted) == bound


def test_an_endpoint_reads_its_model_and_writes_its_answers_and_nothing_else() -> None:
    place = policies.EndpointPlace(REGION, BUCKET, KEY, "arn:aws:ecr:x:1:repository/r", "arn:aws:logs:x")
    found = {each["Sid"]: each for each in statements(policies.endpoint_role_policy(place))}
    bucket = f"arn:aws:s3:::{BUCKET}"
    assert found["read"]["Resource"] == [f"{bucket}/model/*", f"{bucket}/asked/*"]
    assert found["answer"]["Resource"] == [f"{bucket}/answered/*", f"{bucket}/failed/*"]
    assert found["image"]["Resource"] == place.repository_arn
    assert found["key"]["Resource"] == found["disk"]["Resource"] == KEY
    assert not any("Delete" in str(each["Action"]) for sid, each in found.items() if sid != "network")


def test_hours_are_those_of_the_stack_s_own_machines() -> None:
    hours, disk, schedule = statements(policies.hours_policy(ACCOUNT, REGION, "trivet-clinic", KEY))
    assert hours["Condition"] == {"StringEquals": {"aws:ResourceTag/trivet:stack": "trivet-clinic"}}
    assert disk["Resource"] == schedule["Resource"] == KEY
