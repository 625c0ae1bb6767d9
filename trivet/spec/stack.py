"""The stack spec: what runs. The same for every tier."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from trivet.spec.base import Frozen, Name, refuse, require_unique
from trivet.spec.digest import json_digest
from trivet.spec.gateway import GatewaySpec
from trivet.spec.model import ModelSpec
from trivet.spec.residency import Residency
from trivet.spec.runtime import ArgumentValue, RuntimeName, RuntimeSpec, require_unowned
from trivet.spec.service import Health, Resources, Restart


class StackSpec(Frozen):
    """`inference.yaml`."""

    version: Literal[1]
    name: Name
    residency: Residency
    models: Annotated[tuple[ModelSpec, ...], Field(min_length=1, strict=False)]
    runtimes: dict[RuntimeName, RuntimeSpec]
    gateway: GatewaySpec

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        require_unique("model", [model.name for model in self.models], "models")
        return self

    @model_validator(mode="after")
    def _runtimes_are_described(self) -> Self:
        for name, runtime in self.runtimes.items():
            require_unowned(name, runtime.arguments, ("runtimes", name, "arguments"))
        for index, model in enumerate(self.models):
            if model.runtime not in self.runtimes:
                refuse(
                    f"a model's runtime is described under runtimes; {model.runtime} is not",
                    f"add runtimes.{model.runtime}",
                    ("models", index, "runtime"),
                )
        return self

    @model_validator(mode="after")
    def _teams_name_models(self) -> Self:
        known = {model.name for model in self.models} | {"*"}
        for index, team in enumerate(self.gateway.teams):
            unknown = sorted(set(team.models) - known)
            if unknown:
                refuse(
                    f"team {team.name} names a model that the spec does not list: {', '.join(unknown)}",
                    "add the model, or correct it",
                    ("gateway", "teams", index, "models"),
                )
        return self

    @property
    def digest(self) -> str:
        """Identity of the spec: comments, order of keys and spacing do not count."""
        return json_digest(self.model_dump(mode="json", by_alias=True))

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the images that this stack runs, sorted."""
        return tuple(sorted({"gateway"} | {self.runtimes[model.runtime].image for model in self.models}))

    @property
    def lock_inputs(self) -> dict[str, Any]:
        """What the lock pins: the images and each model's source. Other fields may change under one lock."""
        return {
            "images": list(self.images),
            "models": {m.name: {"source": m.source, "format": m.format, "digest": m.digest} for m in self.models},
        }

    def arguments(self, model: ModelSpec) -> dict[str, ArgumentValue]:
        """The runtime's arguments with the model's own over them."""
        return {**self.runtimes[model.runtime].arguments, **model.arguments}

    def resources(self, model: ModelSpec) -> Resources:
        """Bounds of the model's container."""
        return model.resources or self.runtimes[model.runtime].resources

    def restart(self, model: ModelSpec) -> Restart:
        """Restart policy of the model's container."""
        return model.restart or self.runtimes[model.runtime].restart

    def health(self, model: ModelSpec) -> Health:
        """Health policy of the model's container."""
        return model.health or self.runtimes[model.runtime].health
