"""The policy pack: a second lock on the door, on what really is about to be created."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)

from trivet.policy.pack import Pack, Resource

PROJECT = Path(__file__).absolute().parents[1]
PACK = Pack.of(PROJECT, os.environ, today=datetime.now(UTC).date())


def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
    """Report each violation of one resource: mandatory, so the resource is neither previewed as fine nor created."""
    provider = args.provider.props if args.provider else None
    for violation in PACK.violations(Resource(args.resource_type, args.urn, args.name, args.props, provider)):
        report(violation, None)


PolicyPack(
    name="trivet-residency",
    description="The residency regime of inference.yaml, judged on real resource properties.",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy(
            name="residency",
            description=f"Every resource and each of its copies lies where regime {PACK.spec.residency.regime} allows.",
            validate=validate,
        )
    ],
)
