"""The outputs that every tier has."""

from __future__ import annotations

import pulumi

from trivet.spec import Lock, Settings, StackSpec


def export(
    spec: StackSpec, lock: Lock, settings: Settings, *, url: pulumi.Input[str], key_file: pulumi.Input[str]
) -> None:
    """Export where the stack answers, which key opens it, and what it is."""
    pulumi.export("url", url)
    pulumi.export("keyFile", key_file)
    pulumi.export("specDigest", spec.digest)
    pulumi.export("lockDigest", lock.digest)
    pulumi.export("tier", settings.tier)
    pulumi.export("region", settings.region)
