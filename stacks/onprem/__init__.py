"""On-premises: the whole stack on one host that you own."""

from __future__ import annotations

import pulumi

from stacks.frontier import frontier_key
from trivet.render import render
from trivet.resources.host import Bundle, BundleArgs
from trivet.spec import Lock, Settings, StackSpec


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Register the resources of this tier, and export the outputs that every tier has.

    Raises:
        SpecError: the spec lists a frontier, and the stack's configuration has no key for it.
    """
    installation = render(spec, lock, settings, stack=pulumi.get_stack())
    secret = frontier_key(spec)
    password = pulumi.Config().get_secret("sudoPassword") if settings.host and settings.host.sudo else None
    args = BundleArgs(installation=installation, frontier_api_key=secret, sudo_password=password)
    bundle = Bundle("stack", args)
    pulumi.export("url", bundle.url)
    pulumi.export("keyFile", bundle.key_file)
    pulumi.export("specDigest", spec.digest)
    pulumi.export("lockDigest", lock.digest)
    pulumi.export("tier", settings.tier)
    pulumi.export("region", settings.region)
