"""SageMaker's models, configurations and endpoints, and the repositories of ECR that their images come from.

moto has no registry behind ECR: where FAKE_ECR names a real one (`127.0.0.1:5000`), repositories lie there.
"""

from __future__ import annotations

import os
import re
from typing import Any

import boto3
import httpx

from tests.fakes.pulumi_cloud.aws.kind import Account, Kind
from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
REFERENCE = re.compile(r"(?P<host>[^/]+)/(?P<repository>.+)@(?P<digest>sha256:[0-9a-f]{64})")
MOST_VARIABLES, LONGEST_VALUE = 100, 1024
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _repository(account: Account, inputs: Properties) -> tuple[str, Properties]:
    encryption = [
        {"encryptionType": each["encryptionType"], "kmsKey": each.get("kmsKey")}
        for each in inputs.get("encryptionConfigurations", [])
    ]
    for each in encryption:
        if each["kmsKey"]:
            account.at(inputs, "kms").describe_key(KeyId=each["kmsKey"])
    made = account.at(inputs, "ecr").create_repository(
        repositoryName=inputs["name"],
        imageTagMutability=inputs.get("imageTagMutability", "MUTABLE"),
        tags=account.tag_list(inputs),
        **({"encryptionConfiguration": encryption[0]} if encryption else {}),
    )["repository"]
    registry = os.environ.get("FAKE_ECR")
    url = f"{registry}/{inputs['name']}" if registry else made["repositoryUri"]
    return inputs["name"], {"arn": made["repositoryArn"], "repositoryUrl": url, "registryId": account.number}


def _model(account: Account, inputs: Properties) -> tuple[str, Properties]:
    role = account.client("iam").get_role(RoleName=inputs["executionRoleArn"].rpartition("/")[2])["Role"]
    if "sagemaker.amazonaws.com" not in str(role["AssumeRolePolicyDocument"]):
        raise RefusedError("ValidationException: Could not assume role. Please ensure that the role exists and allows")
    container = inputs["primaryContainer"]
    _require_image(container["image"])
    (source,) = container["modelDataSource"]["s3DataSources"]
    _require_data(account, inputs, source["s3Uri"])
    network = inputs["vpcConfig"]
    account.at(inputs, "ec2").describe_subnets(SubnetIds=network["subnets"])
    account.at(inputs, "ec2").describe_security_groups(GroupIds=network["securityGroupIds"])
    made = account.at(inputs, "sagemaker").create_model(
        ModelName=inputs["name"],
        ExecutionRoleArn=inputs["executionRoleArn"],
        EnableNetworkIsolation=inputs.get("enableNetworkIsolation", False),
        PrimaryContainer={
            "Image": container["image"],
            "Environment": container.get("environment", {}),
            "ModelDataSource": {
                "S3DataSource": {
                    "S3Uri": source["s3Uri"],
                    "S3DataType": source["s3DataType"],
                    "CompressionType": source["compressionType"],
                }
            },
        },
        VpcConfig={"Subnets": network["subnets"], "SecurityGroupIds": network["securityGroupIds"]},
        Tags=account.tag_list(inputs),
    )
    return inputs["name"], {"arn": made["ModelArn"], "name": inputs["name"]}


def _require_image(reference: str) -> None:
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise RefusedError(f'ValidationException: Using non-ECR image "{reference}" without Vpc repository access mode')
    url = f"http://{found['host']}/v2/{found['repository']}/manifests/{found['digest']}"
    if httpx.head(url, headers={"Accept": MANIFEST}).status_code != httpx.codes.OK:
        raise RefusedError(f"ValidationException: Requested image {reference} not found.")


def _require_data(account: Account, inputs: Properties, uri: str) -> None:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    listed = account.at(inputs, "s3").list_objects_v2(Bucket=bucket, Prefix=prefix)
    if not prefix.endswith("/") or not listed.get("Contents"):
        raise RefusedError(f"ValidationException: Could not find model data at {uri}.")


def _check_model(inputs: Properties) -> list[tuple[str, str]]:
    variables = inputs["primaryContainer"].get("environment", {})
    long = len(variables) > MOST_VARIABLES or any(len(each) > LONGEST_VALUE for each in variables.values())
    wrong = [("primaryContainer.environment", f"at most {MOST_VARIABLES} values of {LONGEST_VALUE}")] if long else []
    return [*_check_name(inputs), *wrong]


def _configuration(account: Account, inputs: Properties) -> tuple[str, Properties]:
    sagemaker = account.at(inputs, "sagemaker")
    variants = []
    for each in inputs["productionVariants"]:
        sagemaker.describe_model(ModelName=each["modelName"])
        _require_no_disk(account, inputs, each)
        variants.append(
            {
                "VariantName": each["variantName"],
                "ModelName": each["modelName"],
                "InstanceType": each["instanceType"],
                "InitialInstanceCount": each["initialInstanceCount"],
                "ContainerStartupHealthCheckTimeoutInSeconds": each["containerStartupHealthCheckTimeoutInSeconds"],
                **({"VolumeSizeInGB": each["volumeSizeInGb"]} if "volumeSizeInGb" in each else {}),
            }
        )
    key = {"KmsKeyId": inputs["kmsKeyArn"]} if "kmsKeyArn" in inputs else {}
    if key:
        account.at(inputs, "kms").describe_key(KeyId=inputs["kmsKeyArn"])
    waits = inputs.get("asyncInferenceConfig")
    output = waits and waits["outputConfig"]
    queue = {
        "OutputConfig": {
            "S3OutputPath": output["s3OutputPath"],
            "S3FailurePath": output["s3FailurePath"],
            "KmsKeyId": output["kmsKeyId"],
        },
        "ClientConfig": {
            "MaxConcurrentInvocationsPerInstance": waits["clientConfig"]["maxConcurrentInvocationsPerInstance"]
        },
    } if waits else None  # fmt: skip
    made = sagemaker.create_endpoint_config(
        EndpointConfigName=inputs["name"],
        ProductionVariants=variants,
        **key,
        Tags=account.tag_list(inputs),
        **({"AsyncInferenceConfig": queue} if queue else {}),
    )
    return inputs["name"], {"arn": made["EndpointConfigArn"], "name": inputs["name"]}


def _require_no_disk(account: Account, inputs: Properties, variant: Properties) -> None:
    """A machine with a disk of its own takes neither a size nor a key for it."""
    machine = variant["instanceType"].removeprefix("ml.")
    (told,) = account.at(inputs, "ec2").describe_instance_types(InstanceTypes=[machine])["InstanceTypes"]
    if told["InstanceStorageSupported"] and ("volumeSizeInGb" in variant or "kmsKeyArn" in inputs):
        raise RefusedError(f"ValidationException: ml.{machine} has local storage: no VolumeSizeInGB, no KmsKeyId")


def _check_configuration(inputs: Properties) -> list[tuple[str, str]]:
    types = boto3.client("sagemaker", "us-east-1").meta.service_model.shape_for("ProductionVariantInstanceType").enum
    found = _check_name(inputs)
    for at, each in enumerate(inputs["productionVariants"]):
        machine = each["instanceType"]
        if machine not in types:
            found.append(
                (f"productionVariants[{at}].instanceType", f"expected instance_type to be one of {types[:3]}…")
            )
    return found


def _check_name(inputs: Properties) -> list[tuple[str, str]]:
    right = NAME.fullmatch(inputs["name"])
    return [] if right else [("name", "at most 63 letters, digits and single hyphens")]


def _endpoint(account: Account, inputs: Properties) -> tuple[str, Properties]:
    made = account.at(inputs, "sagemaker").create_endpoint(
        EndpointName=inputs["name"], EndpointConfigName=inputs["endpointConfigName"], Tags=account.tag_list(inputs)
    )
    return inputs["name"], {"arn": made["EndpointArn"], "name": inputs["name"]}


def _move_over(account: Account, identity: str, _state: Properties, inputs: Properties) -> Properties:
    """UpdateEndpoint, which moto does not have: the same name with another configuration."""
    account.at(inputs, "sagemaker").delete_endpoint(EndpointName=identity)
    return _endpoint(account, inputs)[1]


def _sagemaker(what: str, **rest: Any) -> dict[str, Any]:
    """How the things of SageMaker are found and removed: by name."""
    name, call = f"{what}Name", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", what).lower()
    return {
        "find": lambda account, identity, state: getattr(account.at(state, "sagemaker"), f"describe_{call}")(
            **{name: identity}
        ),
        "delete": lambda account, identity, state: getattr(account.at(state, "sagemaker"), f"delete_{call}")(
            **{name: identity}
        ),
        **rest,
    }


KINDS = {
    "aws:ecr/repository:Repository": Kind(
        _repository,
        lambda account, identity, state: account.at(state, "ecr").describe_repositories(repositoryNames=[identity]),
        lambda account, identity, state: account.at(state, "ecr").delete_repository(
            repositoryName=identity, force=state.get("forceDelete", False)
        ),
    ),
    "aws:sagemaker/model:Model": Kind(_model, **_sagemaker("Model", check=_check_model)),
    "aws:sagemaker/endpointConfiguration:EndpointConfiguration": Kind(
        _configuration, **_sagemaker("EndpointConfig", check=_check_configuration)
    ),
    "aws:sagemaker/endpoint:Endpoint": Kind(
        _endpoint, **_sagemaker("Endpoint", update=_move_over, fixed=frozenset({"name", "region"}), check=_check_name)
    ),
}
