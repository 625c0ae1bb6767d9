"""A role of one service, with one policy and nothing to spare."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from trivet.render.aws_policies import trust


@dataclass(frozen=True)
class Granted:
    """A role. Its `arn` is known once its policy is there too: whoever needs it finds it able to work."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]


def role(name: str, service: str, account: str, policy: pulumi.Input[str], opts: pulumi.ResourceOptions) -> Granted:
    """Make a role that `service` takes on behalf of `account`, with an inline policy."""
    made = aws.iam.Role(name, name=name, assume_role_policy=trust(service, account), opts=opts)
    granted = aws.iam.RolePolicy(name, name=name, role=made.name, policy=policy, opts=opts)
    return Granted(made.name, pulumi.Output.all(made.arn, granted.id).apply(lambda known: str(known[0])))
