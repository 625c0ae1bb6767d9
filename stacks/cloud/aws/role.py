"""A role of one service, with one policy and nothing to spare."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from trivet.render.aws_policies import trust


def role(
    name: str, service: str, account: str, policy: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> aws.iam.Role:
    """Make a role that `service` takes on behalf of `account`, with an inline policy."""
    made = aws.iam.Role(name, name=name, assume_role_policy=trust(service, account), opts=opts)
    aws.iam.RolePolicy(name, name=name, role=made.name, policy=policy, opts=opts)
    return made
