"""Does a stack fit a host? Pure: the spec's needs held against facts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trivet.drivers.disk import RESERVE
from trivet.drivers.facts.facts import Card, Facts
from trivet.residency.fit import USABLE, Needs, needs_of
from trivet.spec import Lock, StackSpec
from trivet.spec.service import Resources

MIB = 1 << 20


@dataclass(frozen=True)
class Verdict:
    """One need, whether it is met, and the figures."""

    need: str
    met: bool
    why: str


def fit(spec: StackSpec, lock: Lock, facts: Facts) -> tuple[Verdict, ...]:
    """Every need of the stack: GPUs, memory, processors, disk, engine."""
    memory = sum(each.memory_bytes for each in _bounds(spec)) // MIB
    cpus = max(each.cpus for each in _bounds(spec))
    # An engine keeps an image's archive until its layers are unpacked.
    disk = (2 * sum(lock.images[name].size for name in spec.images) + _weights(spec, lock) + RESERVE) // MIB
    there = facts.machine.memory // MIB
    return (
        _gpus(needs_of(spec), facts),
        Verdict("memory", there >= memory, f"{memory} MiB at most are used, {there} MiB are there"),
        Verdict("processors", facts.machine.cores >= cpus, f"{cpus:g} at most at a time, {facts.machine.cores} there"),
        Verdict(
            "disk",
            facts.free // MIB >= disk,
            f"{disk} MiB for images, models and a reserve, {facts.free // MIB} MiB free",
        ),
        _engine(facts),
    )


def _gpus(needs: Needs, facts: Facts) -> Verdict:
    if not needs.memory_mib:
        return Verdict("GPU", met=True, why="no model asks for one")
    if facts.driver.state != "works":
        return Verdict("GPU", met=False, why=f"needs {needs}; {facts.driver.said or 'there is no NVIDIA driver'}")
    sizes = [size for card in facts.cards for size in device_sizes(card)]
    shown = " + ".join(f"{card.name}, {card.memory_mib} MiB" for card in facts.cards) or "no card"
    met = len(sizes) >= len(needs.memory_mib) and all(
        wanted <= size for wanted, size in zip(needs.memory_mib, sizes, strict=False)
    )
    capabilities = [float(card.compute_capability) for card in facts.cards[: len(needs.memory_mib)]]
    oldest = 8.9 if needs.fp8 else 8.0 if needs.bf16 else 0.0
    return Verdict("GPU", met=met and min(capabilities, default=0.0) >= oldest, why=f"needs {needs}; {shown}")


def device_sizes(card: Card) -> list[int]:
    """MiB of each device that a card is to programs: itself, or its MIG slices, named for their GB (`1g.10gb`)."""
    if not card.mig:
        return [card.memory_mib]
    found = (re.search(r"\.(\d+)gb", each.profile) for each in card.slices)
    return [int(int(size[1]) * 1024 * USABLE) for size in found if size]


def _engine(facts: Facts) -> Verdict:
    if facts.engine is None:
        return Verdict("engine", met=False, why="no Docker Engine answers this user")
    if facts.engine.compose is None:
        return Verdict("engine", met=False, why=f"Docker {facts.engine.version}, without Compose")
    return Verdict("engine", met=True, why=f"Docker {facts.engine.version}, Compose {facts.engine.compose}")


def _bounds(spec: StackSpec) -> list[Resources]:
    return [spec.gateway.resources, *(spec.resources(model) for model in spec.models)]


def _weights(spec: StackSpec, lock: Lock) -> int:
    files = {file.digest: file.size for model in spec.models for file in lock.models[model.name].files}
    return sum(files.values())
