"""The cloud: a machine or a managed endpoint that runs the stack, in a region that the regime allows."""

from __future__ import annotations

import importlib

from trivet.spec import Lock, Settings, StackSpec

MODULES = {"vm": "vm", "sagemaker": "endpoint"}


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Hand over to the provider's module for the target, or on the machine itself to its own engine.

    A cloud's SDK is imported here and nowhere else: other tiers neither need it nor wait for it.

    Raises:
        TrivetError: what cannot be is refused before the first resource.
    """
    module = MODULES.get(settings.target)
    place = f"stacks.cloud.{settings.provider}.{module}" if module else "stacks.onprem"
    importlib.import_module(place).deploy(spec, lock, settings)
