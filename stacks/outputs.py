"""The outputs that every tier has."""

from __future__ import annotations

import pulumi

from trivet.spec import Lock, Settings, StackSpec


def common(
    spec: StackSpec, lock: Lock, settings: Settings, *, url: pulumi.Input[str], key_file: pulumi.Input[str]
) -> dict[str, pulumi.Input[str]]:
    """Where the stack answers, which key opens it, and what it is."""
    return {
        "url": url,
        "keyFile": key_file,
        "specDigest": spec.digest,
        "lockDigest": lock.digest,
        "tier": settings.tier,
        "region": settings.region,
    }


def export(
    spec: StackSpec, lock: Lock, settings: Settings, *, url: pulumi.Input[str], key_file: pulumi.Input[str]
) -> None:
    """Export them."""
    for name, value in common(spec, lock, settings, url=url, key_file=key_file).items():
        pulumi.export(name, value)
