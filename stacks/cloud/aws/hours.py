"""When a machine runs: started and stopped by the clock, and stopped when it is idle. It keeps its disk."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from stacks.cloud.aws.role import role
from trivet.render.aws_hours import start_and_stop
from trivet.render.aws_policies import hours_policy
from trivet.spec.aws import Hours

IDLE_PERCENT = 5  # of all cores: a model that answers keeps one of them busy, also where a GPU does the work
PERIOD_MINUTES = 5


@dataclass(frozen=True)
class RunningArgs:
    """Arguments of Running. `stop_idle_minutes` None: idle is no reason to stop."""

    account: str
    region: str
    stack: str
    instance: pulumi.Input[str]
    key_arn: pulumi.Output[str]
    hours: Hours | None
    stop_idle_minutes: int | None


class Running(pulumi.ComponentResource):
    """Two schedules, and an alarm that stops. All three are the region's own: the machine needs no way out for them."""

    def __init__(self, name: str, args: RunningArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Running", name, None, opts)
        self._name, self._args, self._mine = name, args, pulumi.ResourceOptions(parent=self)
        if args.hours:
            self._by_the_clock(args.hours)
        if args.stop_idle_minutes:
            self._when_idle(args.stop_idle_minutes)
        self.register_outputs({})

    def _by_the_clock(self, hours: Hours) -> None:
        args = self._args
        may = args.key_arn.apply(lambda key: hours_policy(args.account, args.region, args.stack, key))
        runner = role(f"{self._name}-hours", "scheduler.amazonaws.com", args.account, may, self._mine)
        for action, expression in start_and_stop(hours).items():
            aws.scheduler.Schedule(
                f"{self._name}-{action}",
                name=f"{self._name}-{action}",
                schedule_expression=expression,
                schedule_expression_timezone=hours.timezone,
                flexible_time_window={"mode": "OFF"},
                kms_key_arn=args.key_arn,
                target={
                    "arn": f"arn:aws:scheduler:::aws-sdk:ec2:{action}Instances",
                    "role_arn": runner.arn,
                    "input": pulumi.Output.from_input(args.instance).apply(_instances),
                },
                opts=self._mine,
            )

    def _when_idle(self, minutes: int) -> None:
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-idle",
            name=f"{self._name}-idle",
            alarm_description="Nobody asks it anything: it is stopped, and started again by hand or by its hours.",
            namespace="AWS/EC2",
            metric_name="CPUUtilization",
            dimensions={"InstanceId": self._args.instance},
            statistic="Maximum",
            comparison_operator="LessThanThreshold",
            threshold=IDLE_PERCENT,
            period=PERIOD_MINUTES * 60,
            evaluation_periods=minutes // PERIOD_MINUTES,
            treat_missing_data="notBreaching",
            alarm_actions=[f"arn:aws:automate:{self._args.region}:ec2:stop"],
            opts=self._mine,
        )


def _instances(instance: str) -> str:
    return json.dumps({"InstanceIds": [instance]})
