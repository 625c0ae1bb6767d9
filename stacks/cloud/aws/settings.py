"""Whether spec and settings belong together on AWS."""

from __future__ import annotations

from stacks.cloud.required import require_no_frontier, require_own
from trivet.spec import Settings, StackSpec
from trivet.spec.aws import AwsSettings


def required(spec: StackSpec, settings: Settings) -> AwsSettings:
    """The provider's own settings.

    Raises:
        SpecError: there are none, or the spec wants what a network without a way out cannot give.
    """
    require_no_frontier(spec, "AWS")
    return require_own(settings.aws, "aws")
