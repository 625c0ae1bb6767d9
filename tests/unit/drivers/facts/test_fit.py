"""Does the stack fit? Each need with a host that meets it and one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.drivers.facts.test_parsers import cards
from tests.unit.drivers.installations import lock_for
from tests.unit.examples import spec_with
from trivet.bundle.layout import Layout
from trivet.drivers.facts.facts import Driver, Engine, Facts, Machine
from trivet.drivers.facts.fit import device_sizes, fit
from trivet.spec import Lock, StackSpec

GIB = 1 << 30
ENGINE = Engine(version="26.1", driver="overlay2", data="/var/lib/docker", runtimes=("runc",), compose="2.26")


def facts(
    machine: str | None = None, *, memory: int = 64, cores: int = 8, free: int = 500, engine: bool = True
) -> Facts:
    return Facts(
        machine=Machine(
            cpu="x",
            cores=cores,
            flags=(),
            memory=memory * GIB,
            available=memory * GIB,
            kernel="6",
            system="s",
            container=False,
        ),
        driver=Driver(state="works") if machine else Driver(state="mismatch", said="Driver/library version mismatch"),
        cards=cards(machine) if machine else (),
        displays=(),
        disks=(),
        engine=ENGINE if engine else None,
        ports=(),
        free=free * GIB,
    )


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "store")


def gpu_spec(memory_mib: int, quantisation: str = "Q8_0") -> StackSpec:
    models = [
        {**spec_with({}).models[0].model_dump(by_alias=True), "gpuMemoryMiB": memory_mib, "quantisation": quantisation}
    ]
    return spec_with(
        {"models": models, "gateway": {"teams": [{**team, "models": ["trivet-small"]} for team in _teams()]}}
    )


def _teams() -> list[dict[str, object]]:
    return [team.model_dump(by_alias=True, exclude_defaults=True) for team in spec_with({}).gateway.teams]


def verdicts(spec: StackSpec, lock: Lock, found: Facts) -> dict[str, bool]:
    return {each.need: each.met for each in fit(spec, lock, found)}


def test_a_stack_for_the_processor_needs_no_card(store: Layout) -> None:
    spec = spec_with({})
    assert all(verdicts(spec, lock_for(spec, store), facts()).values())


@pytest.mark.parametrize(
    ("host", "unmet"),
    [
        (facts(memory=1), "memory"),
        (facts(cores=1), "processors"),
        (facts(free=0), "disk"),
        (facts(engine=False), "engine"),
    ],
)
def test_each_need_that_is_not_met_is_named(store: Layout, host: Facts, unmet: str) -> None:
    spec = spec_with({})
    found = verdicts(spec, lock_for(spec, store), host)
    assert [need for need, met in found.items() if not met] == [unmet]


@pytest.mark.parametrize(
    ("machine", "memory_mib", "quantisation", "fits"),
    [
        ("rtx4090", 20_000, "Q8_0", True),
        ("rtx4090", 25_000, "Q8_0", False),
        ("rtx4090", 20_000, "FP8", True),
        ("a6000", 40_000, "Q8_0", True),
        ("a6000", 40_000, "FP8", False),
        ("h100-mig", 30_000, "FP8", True),
        ("h100-mig", 60_000, "FP8", False),
        (None, 1, "Q8_0", False),
    ],
)
def test_a_model_on_a_gpu_fits_by_memory_and_type(
    store: Layout, machine: str | None, memory_mib: int, quantisation: str, fits: bool
) -> None:
    spec = gpu_spec(memory_mib, quantisation)
    assert verdicts(spec, lock_for(spec, store), facts(machine))["GPU"] is fits


def test_a_driver_that_fails_is_quoted(store: Layout) -> None:
    spec = gpu_spec(1000)
    verdict = next(each for each in fit(spec, lock_for(spec, store), facts()) if each.need == "GPU")
    assert "Driver/library version mismatch" in verdict.why


def test_a_card_in_slices_is_as_many_devices() -> None:
    first, second = cards("h100-mig")
    assert [size // 1000 for size in device_sizes(first)] == [38, 9, 9]
    assert device_sizes(second) == [81559]
