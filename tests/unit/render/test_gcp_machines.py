"""What Google's machine types are known by: every one of the tables has a GPU, and so stays on its host."""

from __future__ import annotations

import pytest

from trivet.render.gcp_machines import stays_on_its_host, takes_only_hyperdisk
from trivet.residency import load_tables

WITH_GPUS = sorted({name for offer in load_tables().providers["gcp"].offers for name in offer.instances})


@pytest.mark.parametrize("machine", WITH_GPUS)
def test_a_machine_with_a_gpu_stays_on_its_host(machine: str) -> None:
    assert stays_on_its_host(machine)


@pytest.mark.parametrize("machine", ["n2-standard-4", "e2-standard-2", "c3-standard-8", "c4a-standard-8", "g1-small"])
def test_one_without_moves(machine: str) -> None:
    assert not stays_on_its_host(machine)


@pytest.mark.parametrize(
    ("machine", "only"), [("g4-standard-48", True), ("c4a-standard-8", True), ("g2-standard-4", False)]
)
def test_new_families_take_hyperdisks_only(machine: str, *, only: bool) -> None:
    assert takes_only_hyperdisk(machine) is only
