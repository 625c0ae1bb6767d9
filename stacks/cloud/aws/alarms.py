"""What somebody is told of: an endpoint that fails, or answers late."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from stacks.cloud.aws.sagemaker import VARIANT

MINUTES = 5
WATCHED = {
    "failing": ("Invocation5XXErrors", "Sum", 5, "Requests fail: see the endpoint's log."),
    "slow": ("ModelLatency", "Average", 60_000_000, "A request takes more than a minute (microseconds)."),
}


@dataclass(frozen=True)
class AlarmsArgs:
    """Arguments of Alarms."""

    endpoint: pulumi.Input[str]
    notify: str
    key_arn: pulumi.Input[str]


class Alarms(pulumi.ComponentResource):
    """Alarms, and the topic that writes to somebody. A message names the alarm and its numbers, and no data."""

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Alarms", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(name, name=name, kms_master_key_id=args.key_arn, opts=mine)
        aws.sns.TopicSubscription(name, topic=topic.arn, protocol="email", endpoint=args.notify, opts=mine)
        for kind, (metric, statistic, threshold, description) in WATCHED.items():
            aws.cloudwatch.MetricAlarm(
                f"{name}-{kind}",
                name=f"{name}-{kind}",
                alarm_description=description,
                namespace="AWS/SageMaker",
                metric_name=metric,
                dimensions={"EndpointName": args.endpoint, "VariantName": VARIANT},
                statistic=statistic,
                comparison_operator="GreaterThanThreshold",
                threshold=threshold,
                period=MINUTES * 60,
                evaluation_periods=1,
                treat_missing_data="notBreaching",
                alarm_actions=[topic.arn],
                opts=mine,
            )
        self.register_outputs({})
