"""SageMaker's part: a model in our network without a way out, and the endpoint that serves it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from trivet.render.aws_machines import has_own_disk
from trivet.render.aws_policies import ANSWERED, FAILED
from trivet.render.endpoint import Endpoint
from trivet.spec.aws import AwsEndpoint
from trivet.spec.digest import json_digest

VARIANT = "stack"
LONGEST_START = 3600  # seconds; SageMaker's own bounds
SHORTEST_START = 60


@dataclass(frozen=True)
class SageMakerArgs:
    """Arguments of SageMaker.

    Attributes:
        version: tells one content of the model's directory from another.
        source: `s3://…/` of the model's directory.
        answers: `s3://…` below which asynchronous answers go.
        start_seconds: how long the container may take until it is ready.
    """

    endpoint: Endpoint
    serving: AwsEndpoint
    version: str
    machine: str
    volume: int
    image: pulumi.Input[str]
    source: str
    answers: str
    start_seconds: int
    key_arn: pulumi.Input[str]
    role_arn: pulumi.Input[str]
    subnet: pulumi.Input[str]
    group: pulumi.Input[str]


class SageMaker(pulumi.ComponentResource):
    """Model, configuration and endpoint: a new model is a new configuration, to which the endpoint moves over.

    Attributes:
        name: the endpoint's.
    """

    def __init__(self, name: str, args: SageMakerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:SageMaker", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        model = aws.sagemaker.Model(
            name,
            name=f"{name}-{args.version}",
            execution_role_arn=args.role_arn,
            enable_network_isolation=True,
            primary_container={
                "image": args.image,
                "environment": args.endpoint.environment,
                "model_data_source": {
                    "s3_data_sources": [{"s3_uri": args.source, "s3_data_type": "S3Prefix", "compression_type": "None"}]
                },
            },
            vpc_config={"subnets": [args.subnet], "security_group_ids": [args.group]},
            opts=mine,
        )
        own_disk = has_own_disk(args.machine)
        configuration = aws.sagemaker.EndpointConfiguration(
            name,
            name=f"{name}-{_settings(args)}",
            kms_key_arn=None if own_disk else args.key_arn,
            production_variants=[
                {
                    "variant_name": VARIANT,
                    "model_name": model.name,
                    "instance_type": args.machine,
                    "initial_instance_count": 1,
                    "container_startup_health_check_timeout_in_seconds": _start_seconds(args),
                    **({} if own_disk else {"volume_size_in_gb": args.volume}),
                }
            ],
            async_inference_config=_asynchronous(args) if args.serving.mode == "async" else None,
            opts=mine,
        )
        endpoint = aws.sagemaker.Endpoint(name, name=name, endpoint_config_name=configuration.name, opts=mine)
        self.name = endpoint.name
        self.register_outputs({"name": self.name})


def _settings(args: SageMakerArgs) -> str:
    """Tells one configuration from another: none can be changed, and the endpoint moves over to another name alone."""
    told = [args.version, args.machine, args.volume, args.serving.mode, args.serving.concurrency, _start_seconds(args)]
    return json_digest(told).removeprefix("sha256:")[:12]


def _start_seconds(args: SageMakerArgs) -> int:
    return min(LONGEST_START, max(SHORTEST_START, args.start_seconds))


def _asynchronous(args: SageMakerArgs) -> dict[str, object]:
    return {
        "output_config": {
            "s3_output_path": f"{args.answers}/{ANSWERED}",
            "s3_failure_path": f"{args.answers}/{FAILED}",
            "kms_key_id": args.key_arn,
        },
        "client_config": {"max_concurrent_invocations_per_instance": args.serving.concurrency},
    }
