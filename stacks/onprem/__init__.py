"""On-premises: the whole stack on one host that you own."""

from __future__ import annotations

import pulumi

from stacks.frontier import frontier_key
from stacks.outputs import export
from trivet.render import render
from trivet.resources.host import Bundle, BundleArgs
from trivet.spec import Lock, Settings, StackSpec


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Register the resources of this tier, and export the outputs that every tier has.

    Raises:
        SpecError: the spec lists a frontier, and the stack's configuration has no key for it.
    """
    installation = render(spec, lock, settings, stack=pulumi.get_stack())
    password = pulumi.Config().get_secret("sudoPassword") if settings.host and settings.host.sudo else None
    args = BundleArgs(installation=installation, frontier_api_key=frontier_key(spec), sudo_password=password)
    bundle = Bundle("stack", args)
    export(spec, lock, settings, url=bundle.url, key_file=bundle.key_file)
