"""Settings of a stack on AWS, checked at the door."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trivet.errors import SpecError
from trivet.spec import Settings, parse_settings

AWS = {
    "account": "123456789012",
    "bundle": "stack.tar",
    "keys": ["RW" + "A" * 54],
    "notify": "ops@example.org",
    "budget": 900,
}
CLOUD = {"provider": "aws", "target": "vm", "region": "af-south-1"}


def parse(own: dict[str, Any] | None = None, **changes: str) -> Settings:
    return parse_settings("cloud", {**CLOUD, "aws": json.dumps({**AWS, **(own or {})}), **changes})


def test_what_is_not_said_is_the_careful_choice() -> None:
    aws = parse().aws
    assert aws is not None
    assert (aws.clients, aws.image, aws.machine) == ((), None, None)
    assert aws.log_days == 365


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"clients": ["0.0.0.0/0"]}, "private"),
        ({"clients": ["8.8.8.0/24"]}, "private"),
        ({"clients": ["10.0.0.1/8"]}, "no bits behind the prefix"),
        ({"network": "10.0.0.0/8"}, "16 to 28 bits"),
        ({"keys": []}, "keys"),
        ({"keys": ["secret.key"]}, "keys"),
        ({"budget": 0}, "budget"),
        ({"log_days": 6}, "logs are kept for"),
        ({"account": "1234"}, "account"),
        ({"bundle": "folder"}, "bundle"),
        ({"image": "resolve:ssm:x y"}, "image"),
        ({"zone": "af-south-1b"}, "zone"),
        ({"acount": "1"}, "acount"),
        ({"hours": {"start": "7", "stop": "19:00"}}, "start"),
        ({"hours": {"start": "07:00", "stop": "07:00"}}, "different times"),
        ({"hours": {"start": "07:00", "stop": "19:00", "days": "daily"}}, "days"),
        ({"stopIdleMinutes": 12}, "stopIdleMinutes"),
        ({"endpoint": {"mode": "serverless"}}, "mode"),
        ({"endpoint": {"instances": 0}}, "instances"),
    ],
)
def test_what_breaks_a_rule_is_refused(own: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse(own)


@pytest.mark.parametrize(
    ("stack", "config", "words"),
    [
        ("cloud", {"region": "af-south-1"}, "names its provider"),
        ("onprem", {"region": "x", "provider": "aws"}, "no other tier"),
        ("onprem", {"region": "x", "target": "vm"}, "target vm is of tier cloud, at aws"),
        ("cloud", CLOUD, "settings of their own under aws"),
        ("cloud", {"provider": "aws", "region": "x", "aws": json.dumps(AWS)}, "settings of their own under aws"),
    ],
)
def test_tier_provider_and_target_belong_together(stack: str, config: dict[str, str], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_settings(stack, config)


def test_on_the_machine_itself_the_target_is_local_and_nothing_of_aws_is_needed() -> None:
    settings = parse_settings("clinic", {"tier": "cloud", "provider": "aws", "region": "af-south-1"})
    assert (settings.target, settings.aws) == ("local", None)


def test_an_endpoint_is_the_same_settings_with_another_target() -> None:
    settings = parse({"endpoint": {"mode": "realtime"}}, target="sagemaker")
    assert settings.aws is not None
    assert (settings.aws.endpoint.mode, settings.aws.endpoint.instances) == ("realtime", 1)


@pytest.mark.parametrize("own", [{"hours": {"start": "07:00", "stop": "19:00"}}, {"stopIdleMinutes": 30}])
def test_hours_are_a_machine_s(own: dict[str, Any]) -> None:
    assert parse(own).aws is not None
    with pytest.raises(SpecError, match="a machine's"):
        parse(own, target="sagemaker")
