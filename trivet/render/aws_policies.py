"""Policies of the AWS tier: who may use the key, what the machine may do, what leaves by the endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trivet.spec.digest import canonical_json

MACHINES = "ec2.amazonaws.com"
MODELS = "model"  # below it lies each model's directory
ASKED, ANSWERED, FAILED = "asked", "answered", "failed"  # requests and answers of an asynchronous endpoint
Policy = dict[str, Any]


@dataclass(frozen=True)
class EndpointPlace:
    """What belongs to one endpoint."""

    region: str
    bucket: str
    key_arn: str
    repository_arn: str
    log_group_arn: str


def document(*statements: Policy) -> str:
    """A policy's text; equal statements give equal bytes."""
    return canonical_json({"Version": "2012-10-17", "Statement": list(statements)}).decode()


def trust(service: str, account: str) -> str:
    """A role that only this service takes, on behalf of this account alone."""
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            **(
                {}
                if service == "ec2.amazonaws.com"
                else {"Condition": {"StringEquals": {"aws:SourceAccount": account}}}
            ),
        }
    )


def key_policy(account: str, region: str) -> str:
    """The account's own IAM decides, and CloudWatch may use the key for the account's logs and alarms."""
    return document(
        {
            "Sid": "account",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "logs",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "Resource": "*",
            "Condition": {
                "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:*"}
            },
        },
        {
            "Sid": "alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        },
    )


def endpoint_role_policy(place: EndpointPlace) -> str:
    """What SageMaker may do for the endpoint: take its image and its weights, write answers, logs and metrics.

    Every model may be read, not the newest alone: while an endpoint moves over, instances of before may start too.
    """
    bucket = f"arn:aws:s3:::{place.bucket}"
    return document(
        {
            "Sid": "read",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": [f"{bucket}/{MODELS}/*", f"{bucket}/{ASKED}/*"],
        },
        {"Sid": "list", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
        {
            "Sid": "answer",
            "Effect": "Allow",
            "Action": "s3:PutObject",
            "Resource": [f"{bucket}/{ANSWERED}/*", f"{bucket}/{FAILED}/*"],
        },
        {
            "Sid": "key",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": place.key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{place.region}.amazonaws.com"}},
        },
        {
            "Sid": "disk",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": place.key_arn,
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
        {
            "Sid": "image",
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": place.repository_arn,
        },
        {"Sid": "registry", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Sid": "log",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [place.log_group_arn, f"{place.log_group_arn}:*"],
        },
        {
            "Sid": "metrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
        },
        {
            "Sid": "network",
            "Effect": "Allow",
            "Action": [
                "ec2:CreateNetworkInterface",
                "ec2:CreateNetworkInterfacePermission",
                "ec2:DeleteNetworkInterface",
                "ec2:DeleteNetworkInterfacePermission",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            "Resource": "*",  # SageMaker's own: it checks them before it makes the endpoint's interfaces
        },
    )


def machine_policy(bucket: str, key_arn: str, region: str) -> str:
    """Read the bundle, decrypt it, and be reached through Systems Manager: nothing else."""
    return document(
        {"Sid": "bundle", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"},
        {"Sid": "agent", "Effect": "Allow", "Action": "s3:GetObject", "Resource": _agent(region)},
        {
            "Sid": "decrypt",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
        },
        {
            "Sid": "session",
            "Effect": "Allow",
            "Action": [
                "ssm:UpdateInstanceInformation",
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "Resource": "*",  # these actions know no resources
        },
    )


def endpoint_policy(bucket: str, region: str) -> str:
    """What the way to S3 leads to: the bundle, and the region's Systems Manager agent. Nothing can be written."""
    return document(_through("s3:GetObject", f"arn:aws:s3:::{bucket}/*", _agent(region)))


def serving_policy(bucket: str) -> str:
    """The same for SageMaker, which lists a model's files, and writes answers and nothing else."""
    own = f"arn:aws:s3:::{bucket}"
    return document(
        _through("s3:GetObject", f"{own}/*"),
        _through("s3:ListBucket", own),
        _through("s3:PutObject", f"{own}/{ANSWERED}/*", f"{own}/{FAILED}/*"),
    )


def _through(action: str, *resources: str) -> Policy:
    return {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": list(resources)}


def bucket_policy(bucket: str) -> str:
    """Nobody reads or writes without TLS."""
    return document(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )


def flow_log_policy(group_arn: str) -> str:
    """Write the network's log, into its own group."""
    actions = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    return document({"Effect": "Allow", "Action": actions, "Resource": [group_arn, f"{group_arn}:*"]})


def stop_policy(account: str, region: str, stack: str) -> str:
    """What the budget's action may do: stop the machines of this stack."""
    return document(
        {
            "Effect": "Allow",
            "Action": ["ec2:DescribeInstanceStatus", "ssm:StartAutomationExecution"],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": "ec2:StopInstances",
            "Resource": f"arn:aws:ec2:{region}:{account}:instance/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/trivet:stack": stack}},
        },
    )


def hours_policy(account: str, region: str, stack: str, key_arn: str) -> str:
    """Start and stop the machines of this stack; starting opens their disk with the key."""
    return document(
        {
            "Sid": "hours",
            "Effect": "Allow",
            "Action": ["ec2:StartInstances", "ec2:StopInstances"],
            "Resource": f"arn:aws:ec2:{region}:{account}:instance/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/trivet:stack": stack}},
        },
        {
            "Sid": "disk",
            "Effect": "Allow",
            "Action": "kms:CreateGrant",
            "Resource": key_arn,
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
        {"Sid": "schedule", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": key_arn},
    )


def _agent(region: str) -> str:
    return f"arn:aws:s3:::amazon-ssm-{region}/*"
