"""The frontier's key, from the stack's configuration."""

from __future__ import annotations

import pulumi

from trivet.errors import SpecError
from trivet.spec import StackSpec


def frontier_key(spec: StackSpec) -> pulumi.Output[str] | None:
    """The secret `frontierApiKey`, where the spec lists a frontier.

    Raises:
        SpecError: it does, and the stack's configuration has no key.
    """
    secret = pulumi.Config().get_secret("frontierApiKey") if spec.gateway.frontier else None
    if spec.gateway.frontier and secret is None:
        raise SpecError(
            where=f"stacks/Pulumi.{pulumi.get_stack()}.yaml",
            value="no frontierApiKey",
            rule="a frontier (gateway.frontier) is called with an API key",
            remedy="run `pulumi config set --secret frontierApiKey` and type the key, or remove the frontier",
        )
    return secret
