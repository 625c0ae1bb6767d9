"""Fit: do a machine's GPUs take the stack's models? As rendered, a model on N GPUs takes the first N."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trivet.residency.tables import Gpu, Instance, Tables, Throughput
from trivet.spec import StackSpec
from trivet.spec.model import ModelSpec

USABLE: Final = 0.93  # of the memory as sold, after ECC and the driver: T4, L4 and L40S report 93.7 %, others more
MIB_A_GIB: Final = 1024
PARALLEL: Final = "tensor-parallel-size"


@dataclass(frozen=True)
class Needs:
    """What the models ask of GPUs. `memory_mib[n]` is what GPU n must hold; none at all where the CPU is enough."""

    memory_mib: tuple[int, ...]
    bf16: bool
    fp8: bool

    def __str__(self) -> str:
        if not self.memory_mib:
            return "no GPU"
        types = [name for name, needed in (("bf16", self.bf16), ("FP8", self.fp8)) if needed]
        gpus = f"{len(self.memory_mib)} GPUs" if len(self.memory_mib) > 1 else "a GPU"
        return ", ".join([f"{gpus} with {max(self.memory_mib)} MiB", *types])


def width_of(spec: StackSpec, model: ModelSpec) -> int:
    """On how many GPUs a model is spread."""
    width = spec.arguments(model).get(PARALLEL, 1)
    return width if isinstance(width, int) and width > 0 else 1


def needs_of(spec: StackSpec) -> Needs:
    """Add up what the models of a spec need."""
    models = [model for model in spec.models if model.gpu_memory_mib]
    loads: list[int] = []
    for model in models:
        spread = width_of(spec, model)
        loads += [0] * (spread - len(loads))
        for at in range(spread):
            loads[at] += -(-model.gpu_memory_mib // spread)
    types = {model.quantisation.upper() for model in models}
    return Needs(memory_mib=tuple(loads), bf16="BF16" in types, fp8=any(each.startswith("FP8") for each in types))


def misfit(needs: Needs, gpu: Gpu, count: int) -> str | None:
    """Why `count` of these GPUs cannot take the models, or None."""
    if len(needs.memory_mib) > count:
        return f"it has {count} of the {len(needs.memory_mib)} GPUs that are needed"
    usable = int(gpu.memory_gib * MIB_A_GIB * USABLE)
    if needs.memory_mib and max(needs.memory_mib) > usable:
        return f"a GPU holds about {usable} MiB of the {max(needs.memory_mib)} that are needed"
    if needs.fp8 and not gpu.fp8:
        return f"no FP8 (compute capability {gpu.compute_capability}, 8.9 is needed)"
    if needs.bf16 and not gpu.bf16:
        return f"no bf16 (compute capability {gpu.compute_capability}, 8.0 is needed)"
    return None


def fitting_gpus(needs: Needs, tables: Tables) -> tuple[str, ...]:
    """Every GPU type of the tables that takes the models, if there are enough of them."""
    enough = max(1, len(needs.memory_mib))
    return tuple(name for name, gpu in tables.gpus.items() if misfit(needs, gpu, enough) is None)


def measured(spec: StackSpec, instance: Instance, tables: Tables) -> Throughput | None:
    """A measurement for the first chat model, whose size is read from its name (`…-8b-…`), on exactly this machine."""
    chat = next((model for model in spec.models if model.kind == "chat"), None)
    size = re.search(r"(?<![a-z0-9.])([0-9]+(?:\.[0-9]+)?)b(?![a-z0-9])", chat.name) if chat else None
    if chat is None or size is None:
        return None
    wanted = (f"{size[1]}B", chat.quantisation.upper(), instance.gpu, instance.count)
    return next(
        (each for each in tables.throughput if (each.model, each.quantisation, each.gpu, each.count) == wanted), None
    )
