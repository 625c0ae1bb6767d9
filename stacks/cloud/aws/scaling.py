"""How many instances an endpoint has: none while nobody asks, where it can wait for one; never more than allowed."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from stacks.cloud.aws.sagemaker import VARIANT
from trivet.spec.aws import AwsEndpoint

NAMESPACE = "AWS/SageMaker"
SERVICE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
MINUTE = 60


@dataclass(frozen=True)
class ScalingArgs:
    """Arguments of Scaling."""

    endpoint: pulumi.Input[str]
    serving: AwsEndpoint


class Scaling(pulumi.ComponentResource):
    """Follows the backlog of an asynchronous endpoint down to none; a first request in the queue wakes it again.

    A real-time endpoint cannot have less than one instance; it follows its requests.
    """

    def __init__(self, name: str, args: ScalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Scaling", name, None, opts)
        self._name, self._args, self._mine = name, args, pulumi.ResourceOptions(parent=self)
        waits = args.serving.mode == "async"
        target = aws.appautoscaling.Target(
            name,
            service_namespace=SERVICE,
            scalable_dimension=DIMENSION,
            resource_id=pulumi.Output.format("endpoint/{0}/variant/" + VARIANT, args.endpoint),
            min_capacity=0 if waits else 1,
            max_capacity=args.serving.instances,
            opts=self._mine,
        )
        self._follow(target, self._backlog() if waits else self._requests())
        if waits:
            self._wake(target)
        self.register_outputs({})

    def _follow(self, target: aws.appautoscaling.Target, load: dict[str, object]) -> None:
        aws.appautoscaling.Policy(
            f"{self._name}-follow",
            name=f"{self._name}-follow",
            policy_type="TargetTrackingScaling",
            service_namespace=SERVICE,
            scalable_dimension=DIMENSION,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration={
                "target_value": self._args.serving.concurrency,
                "scale_in_cooldown": self._args.serving.idle_minutes * MINUTE,
                "scale_out_cooldown": MINUTE,
                **load,
            },
            opts=self._mine,
        )

    def _backlog(self) -> dict[str, object]:
        return {
            "customized_metric_specification": {
                "metric_name": "ApproximateBacklogSizePerInstance",
                "namespace": NAMESPACE,
                "statistic": "Average",
                "dimensions": [{"name": "EndpointName", "value": self._args.endpoint}],
            }
        }

    def _requests(self) -> dict[str, object]:
        """Requests in flight at once, as the setting counts them: a stream lasts, and calls a minute say little."""
        kind = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        return {"predefined_metric_specification": {"predefined_metric_type": kind}}

    def _wake(self, target: aws.appautoscaling.Target) -> None:
        """Target tracking divides by the instances, and cannot see a backlog where there are none."""
        policy = aws.appautoscaling.Policy(
            f"{self._name}-wake",
            name=f"{self._name}-wake",
            policy_type="StepScaling",
            service_namespace=SERVICE,
            scalable_dimension=DIMENSION,
            resource_id=target.resource_id,
            step_scaling_policy_configuration={
                "adjustment_type": "ExactCapacity",
                "cooldown": 5 * MINUTE,
                "metric_aggregation_type": "Maximum",
                "step_adjustments": [{"metric_interval_lower_bound": "0", "scaling_adjustment": 1}],
            },
            opts=self._mine,
        )
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-wake",
            name=f"{self._name}-wake",
            alarm_description="Requests wait, and no instance runs.",
            namespace=NAMESPACE,
            metric_name="HasBacklogWithoutCapacity",
            dimensions={"EndpointName": self._args.endpoint},
            statistic="Maximum",
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            period=MINUTE,
            evaluation_periods=1,
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn],
            opts=self._mine,
        )
