"""What a container costs on Modal, by the resources that it asks for. Modal publishes prices as text, not as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SEEN: Final = "2026-11-20"  # https://modal.com/pricing, by the second; multipliers: .../docs/guide/region-selection
# Dollars for a second of one GPU.
GPU: Final[Mapping[str, float]] = {
    "T4": 0.000164,
    "L4": 0.000222,
    "A10": 0.000306,
    "A100-40GB": 0.000583,
    "L40S": 0.000542,
    "A100-80GB": 0.000694,
    "H100": 0.001097,
    "RTX-PRO-6000": 0.000842,
    "H200": 0.001261,
    "B200": 0.001736,
}
CORE: Final = 0.0000131  # of a physical one
GIB: Final = 0.00000222
BROAD, NARROW = 1.5, 1.75  # `eu` is broad, `eu-west` narrow
HOUR: Final = 3600
MIB: Final = 1024


def cents_per_hour(*, gpu: str | None, cpu: float, memory_mib: int, region: str) -> float:
    """One container for an hour, busy or not."""
    name, _, count = (gpu or "").partition(":")
    a_second = cpu * CORE + memory_mib / MIB * GIB + (GPU[name] * int(count or 1) if gpu else 0)
    return round(a_second * (NARROW if "-" in region else BROAD) * HOUR * 100, 2)
