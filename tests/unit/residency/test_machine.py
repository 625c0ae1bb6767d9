"""The machine is chosen by what the models need; what does not fit is refused with what would."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.examples import raw_spec
from trivet.errors import SpecError
from trivet.residency import load_tables
from trivet.residency.machine import choose_machine
from trivet.spec import StackSpec

TABLES = load_tables()
TODAY = date(2026, 11, 21)


def spec(mib: int, quantisation: str = "Q8_0", days: int = 3650) -> StackSpec:
    raw = raw_spec()
    raw["models"] = [{**raw["models"][0], "gpuMemoryMiB": mib, "quantisation": quantisation}]
    return StackSpec.model_validate({**raw, "residency": {"regime": "none", "maxAgeDays": days}})


def choose(region: str, of: StackSpec, wanted: str | None = None, today: date = TODAY) -> str:
    return choose_machine(of, "aws", region, TABLES, today=today, wanted=wanted)


@pytest.mark.parametrize(
    ("region", "mib", "quantisation", "machine"),
    [
        ("af-south-1", 12000, "Q8_0", "g4dn.xlarge"),
        ("eu-central-1", 12000, "BF16", "g6.xlarge"),
        ("eu-central-1", 40000, "FP8", "g6e.xlarge"),
        ("eu-west-1", 12000, "BF16", "g5.xlarge"),
    ],
)
def test_the_cheapest_that_fits(region: str, mib: int, quantisation: str, machine: str) -> None:
    assert choose(region, spec(mib, quantisation)) == machine


@pytest.mark.parametrize(
    ("region", "of", "wanted", "words"),
    [
        ("af-south-1", spec(12000, "BF16"), None, "trivet choose"),
        ("af-south-1", spec(12000, "FP8"), "g4dn.xlarge", "no FP8"),
        ("af-south-1", spec(20000), "g4dn.xlarge", "holds about"),
        ("af-south-1", spec(12000), "p5.48xlarge", "of this region fit: g4dn.xlarge, g4dn.2xlarge"),
        ("eu-west-3", spec(12000), None, "know of no GPU there"),
    ],
)
def test_a_misfit_is_refused_with_what_fits(region: str, of: StackSpec, wanted: str | None, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        choose(region, of, wanted)


def test_tables_that_are_too_old_do_not_tell() -> None:
    with pytest.raises(SpecError, match="last seen on offer"):
        choose("af-south-1", spec(12000, days=90), today=date(2027, 11, 21))


def test_without_a_gpu_the_wanted_one_is_taken_and_one_must_be_wanted() -> None:
    none: dict[str, Any] = raw_spec()
    assert choose("af-south-1", StackSpec.model_validate(none), "m5.xlarge") == "m5.xlarge"
    with pytest.raises(SpecError, match="no machine is named"):
        choose("af-south-1", StackSpec.model_validate(none))
