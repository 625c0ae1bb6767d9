"""Whether spec and settings belong together on AWS."""

from __future__ import annotations

import pulumi

from trivet.errors import SpecError
from trivet.spec import Settings, StackSpec
from trivet.spec.aws import AwsSettings


def required(spec: StackSpec, settings: Settings) -> AwsSettings:
    """The provider's own settings.

    Raises:
        SpecError: there are none, or the spec wants what a network without a way out cannot give.
    """
    where = f"stacks/Pulumi.{pulumi.get_stack()}.yaml"
    if settings.aws is None:
        raise SpecError(where=where, value="no aws", rule="AWS has settings of its own", remedy="add aws")
    if spec.gateway.frontier:
        raise SpecError(
            where="gateway.frontier",
            value=spec.gateway.frontier.url,
            rule="a machine on AWS has no way out of its network",
            remedy="remove the frontier from the spec",
        )
    return settings.aws
