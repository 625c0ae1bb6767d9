"""Facts about a host. Sizes in MiB where a name says so, else in bytes."""

from __future__ import annotations

from typing import Literal

from trivet.spec.base import Frozen


class Slice(Frozen):
    """A MIG device: a slice of a card with memory of its own."""

    profile: str
    uuid: str


class Card(Frozen):
    """A GPU, as its driver sees it. `ecc` and `mig` are None where the card has none."""

    index: int
    name: str
    uuid: str
    memory_mib: int
    used_mib: int
    driver: str
    compute_capability: str
    bus: str
    mig: bool | None
    ecc: bool | None
    power_limit_watts: float | None
    slices: tuple[Slice, ...] = ()


DriverState = Literal["works", "no-devices", "no-driver", "mismatch", "absent"]


class Driver(Frozen):
    """NVIDIA's driver. `said` is its own complaint, where it does not work."""

    state: DriverState
    version: str | None = None
    said: str = ""


class Display(Frozen):
    """A display controller or accelerator on the PCI bus, with or without a driver. `ids`: vendor and device."""

    slot: str
    kind: str
    vendor: str
    device: str
    ids: tuple[str, str]


class Disk(Frozen):
    """A block device, or a part of one, with what is mounted of it."""

    name: str
    type: str
    size: int
    filesystem: str | None
    mounts: tuple[str, ...]
    rotational: bool
    model: str | None


class Engine(Frozen):
    """The container engine."""

    version: str
    driver: str
    data: str
    runtimes: tuple[str, ...]
    compose: str | None


class Machine(Frozen):
    """Processor, memory, system."""

    cpu: str
    cores: int
    flags: tuple[str, ...]
    memory: int
    available: int
    kernel: str
    system: str
    container: bool


class Facts(Frozen):
    """All of it. `free` is the free bytes of where a stack's files would go; `engine` None where none answers."""

    machine: Machine
    driver: Driver
    cards: tuple[Card, ...]
    displays: tuple[Display, ...]
    disks: tuple[Disk, ...]
    engine: Engine | None
    ports: tuple[str, ...]
    free: int
