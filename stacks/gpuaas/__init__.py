"""GPU as a service: the whole stack on a GPU that is rented by the minute, at the first provider that can."""

from __future__ import annotations

from stacks.gpuaas import lambda_cloud, modal_app
from stacks.gpuaas.order import first_that_can
from trivet.spec import Lock, Settings, StackSpec

LEGS = {"lambda": lambda_cloud.leg, "modal": modal_app.leg}


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Register the resources of this tier: of the provider that `target` names, or of the first of an order that can.

    Raises:
        SpecError: the spec lists a frontier, and the stack's configuration has no key for it; or a provider has no
            place for such a stack.
    """
    first_that_can(spec, lock, settings, LEGS)
