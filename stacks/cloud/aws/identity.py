"""Who may do what: a role each for the machine, the network's log and the budget's action, with nothing to spare."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from trivet.render.aws_policies import flow_log_policy, machine_policy, stop_policy, trust


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
        self._account = args.account
        machine = self._role(
            f"{name}-machine",
            "ec2.amazonaws.com",
            args.key_arn.apply(lambda key_arn: machine_policy(args.bucket, key_arn, args.region)),
        )
        profile = aws.iam.InstanceProfile(
            f"{name}-machine", name=f"{name}-machine", role=machine.name, opts=pulumi.ResourceOptions(parent=self)
        )
        log = self._role(f"{name}-log", "vpc-flow-logs.amazonaws.com", args.log_group_arn.apply(flow_log_policy))
        stop = self._role(f"{name}-stop", "budgets.amazonaws.com", stop_policy(args.account, args.region, args.stack))
        self.profile, self.log_role_arn, self.stop_role_arn = profile.name, log.arn, stop.arn
        self.register_outputs({"profile": self.profile})

    def _role(self, name: str, service: str, policy: pulumi.Input[str]) -> aws.iam.Role:
        mine = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(name, name=name, assume_role_policy=trust(service, self._account), opts=mine)
        aws.iam.RolePolicy(name, name=name, role=role.name, policy=policy, opts=mine)
        return role
