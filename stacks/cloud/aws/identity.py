"""Who may do what: a role each for the machine, the network's log and the budget's action, with nothing to spare."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from stacks.cloud.aws.role import role
from trivet.render.aws_policies import flow_log_policy, machine_policy, stop_policy


@dataclass(frozen=True)
class IdentityArgs:
    """Arguments of Identity."""

    account: str
    region: str
    stack: str
    bucket: str
    key_arn: pulumi.Output[str]
    log_group_arn: pulumi.Output[str]


class Identity(pulumi.ComponentResource):
    """Three roles.

    Attributes:
        profile: name of the machine's instance profile.
        log_role_arn: what VPC flow logs write with.
        stop_role_arn: what the budget stops the machine with.
    """

    def __init__(self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Identity", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        machine = role(
            f"{name}-machine",
            "ec2.amazonaws.com",
            args.account,
            args.key_arn.apply(lambda key_arn: machine_policy(args.bucket, key_arn, args.region)),
            mine,
        )
        profile = aws.iam.InstanceProfile(f"{name}-machine", name=f"{name}-machine", role=machine.name, opts=mine)
        log = role(
            f"{name}-log", "vpc-flow-logs.amazonaws.com", args.account, args.log_group_arn.apply(flow_log_policy), mine
        )
        may_stop = stop_policy(args.account, args.region, args.stack)
        stop = role(f"{name}-stop", "budgets.amazonaws.com", args.account, may_stop, mine)
        self.profile, self.log_role_arn, self.stop_role_arn = profile.name, log.arn, stop.arn
        self.register_outputs({"profile": self.profile})
