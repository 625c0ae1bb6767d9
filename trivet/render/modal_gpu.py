"""Which of Modal's GPUs a stack needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trivet.errors import SpecError
from trivet.spec import StackSpec

# Memory as sold, in GiB, least first (https://modal.com/docs/guide/gpu).
MEMORY_GIB: Final[Mapping[str, int]] = {
    "T4": 16,
    "L4": 24,
    "A10": 24,
    "A100-40GB": 40,
    "L40S": 48,
    "A100-80GB": 80,
    "H100": 80,
    "RTX-PRO-6000": 96,
    "H200": 141,
    "B200": 192,
}
WITHOUT_BF16: Final = frozenset({"T4"})  # which most weights are in: taken only where the settings name it
MIB = 1 << 10  # a GiB, in MiB


def gpu(spec: StackSpec, wanted: str | None) -> str | None:
    """The GPU for all models of a spec together: the one wanted, or the smallest with the memory; None on CPUs.

    Raises:
        SpecError: no GPU of Modal's holds the models, or the one that is wanted does not.
    """
    need = sum(model.gpu_memory_mib for model in spec.models)
    if wanted is None:
        return _smallest(need) if need else None
    if not need:
        raise _refusal(wanted, "no model of this stack uses a GPU (gpuMemoryMiB)", "remove modal.gpu")
    name, _, count = wanted.partition(":")
    if name not in MEMORY_GIB:
        raise _refusal(
            wanted, f"Modal's GPUs are {', '.join(MEMORY_GIB)}", "write one of them, with :COUNT for several"
        )
    if MEMORY_GIB[name] * MIB * int(count or 1) < need:
        raise _refusal(wanted, f"the models need {need} MiB together (gpuMemoryMiB)", "choose a larger GPU, or none")
    return wanted


def _smallest(need: int) -> str:
    for name, memory in MEMORY_GIB.items():
        if memory * MIB >= need and name not in WITHOUT_BF16:
            return name
    raise _refusal(
        f"{need} MiB",
        f"one GPU of Modal's has at most {max(MEMORY_GIB.values())} GiB",
        "set modal.gpu to several (H200:2), and the models' tensor-parallel-size to their number",
    )


def _refusal(value: str, rule: str, remedy: str) -> SpecError:
    return SpecError(where="modal.gpu", value=value, rule=rule, remedy=remedy)
