"""Prices of a container on Modal."""

from __future__ import annotations

import pytest

from trivet.render.modal_gpu import MEMORY_GIB
from trivet.render.modal_price import GPU, cents_per_hour


def test_every_gpu_that_may_be_chosen_has_a_price() -> None:
    assert GPU.keys() == MEMORY_GIB.keys()


@pytest.mark.parametrize(
    ("gpu", "region", "cents"),
    [
        (None, "eu", 7.07 * 1.5),  # a core is 4.716 cents an hour, a GiB 0.7992; there are one and three
        ("L4", "eu", (79.92 + 7.1136) * 1.5),
        ("L4", "eu-west", (79.92 + 7.1136) * 1.75),
        ("H100:2", "us", (2 * 394.92 + 7.1136) * 1.5),
    ],
)
def test_gpus_cores_and_memory_add_up_and_a_pinned_region_costs_more(
    gpu: str | None, region: str, cents: float
) -> None:
    assert cents_per_hour(gpu=gpu, cpu=1, memory_mib=3 * 1024, region=region) == pytest.approx(cents, rel=0.01)
