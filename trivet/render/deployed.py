"""What a deployment is made of, put together from spec and lock: each model with its files, runtime and bounds."""

from __future__ import annotations

from trivet.render.llama import Llama
from trivet.render.runtime import Deployed, Runtime
from trivet.render.vllm import Vllm
from trivet.spec import Lock, StackSpec
from trivet.spec.runtime import RuntimeName

RUNTIMES: dict[RuntimeName, Runtime] = {"llama": Llama(), "vllm": Vllm()}


def deployed(spec: StackSpec, lock: Lock) -> tuple[Deployed, ...]:
    """Every model of the spec, in its order."""
    return tuple(
        Deployed(
            model=model,
            files=lock.models[model.name].files,
            arguments=spec.arguments(model),
            resources=spec.resources(model),
        )
        for model in spec.models
    )


def service_name(model: str) -> str:
    """The service, and on the models' network the host name, of a model."""
    return f"model-{model}"


def reference(image: str, manifest: str) -> str:
    """What the engine calls an image of the lock."""
    return f"trivet/{image}:{manifest.removeprefix('sha256:')[:12]}"
