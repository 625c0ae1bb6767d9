"""What a machine type's name says about its disk and its moves."""

from __future__ import annotations

from typing import Final

# Families that take no persistent disk any more: https://cloud.google.com/compute/docs/disks/hyperdisks
ONLY_HYPERDISK: Final = frozenset({"a4", "c4", "c4a", "g4", "n4"})
# https://cloud.google.com/compute/docs/accelerator-optimized-machines
WITH_GPUS: Final = frozenset({"a2", "a3", "a4", "a4x", "g2", "g4"})


def takes_only_hyperdisk(machine: str) -> bool:
    """Whether its disk is a hyperdisk."""
    return _family(machine) in ONLY_HYPERDISK


def stays_on_its_host(machine: str) -> bool:
    """Whether it cannot move to another host while it runs: a GPU cannot, whether anybody uses it or not."""
    return _family(machine) in WITH_GPUS


def _family(machine: str) -> str:
    return machine.partition("-")[0]
