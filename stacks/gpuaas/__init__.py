"""GPU as a service: the whole stack on a GPU that is rented by the minute."""

from __future__ import annotations

from stacks.gpuaas import lambda_cloud, modal_app
from trivet.spec import Lock, Settings, StackSpec

DEPLOY = {"lambda": lambda_cloud.deploy, "modal": modal_app.deploy}


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Register the resources of this tier at the provider that `target` names."""
    DEPLOY[settings.target](spec, lock, settings)
