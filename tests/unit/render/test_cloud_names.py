"""A cloud's names are short, and two that differ stay two."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from trivet.render.cloud_names import fitting, mark

OURS = st.from_regex(r"trivet-[a-z0-9][a-z0-9_-]{0,39}", fullmatch=True)


def test_a_name_that_fits_is_itself() -> None:
    assert fitting("trivet-clinic", 30) == "trivet-clinic"


@given(OURS)
def test_every_name_is_one_that_a_cloud_takes(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", fitting(name, 30))


@given(OURS, OURS)
def test_two_names_stay_two(one: str, other: str) -> None:
    assert (fitting(one, 24) == fitting(other, 24)) == (one == other)


def test_what_a_cloud_does_not_take_is_replaced_and_told_apart() -> None:
    assert fitting("trivet-a_b", 30) != fitting("trivet-a-b", 30)
    assert "_" not in fitting("trivet-a_b", 30)


def test_a_mark_stands_for_all_its_parts() -> None:
    assert mark("a", "b") != mark("b", "a")
    assert re.fullmatch(r"[0-9a-f]{16}", mark("a", "b", digits=16))
