"""Embeddings are compared by numbers that mean something, and anything else is a finding."""

from __future__ import annotations

import base64
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.conformance.breach import BreachError
from trivet.conformance.vectors import cosine, from_base64, largest_difference

NUMBERS = st.floats(-1e3, 1e3, width=32)
VECTORS = st.lists(NUMBERS, min_size=1, max_size=20)


@given(VECTORS)
def test_base64_gives_back_the_vector(values: list[float]) -> None:
    text = base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    assert from_base64(text) == values
    assert largest_difference(from_base64(text), values) == 0.0


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"12345").decode()])
def test_what_is_no_vector_is_found(text: str) -> None:
    with pytest.raises(BreachError):
        from_base64(text)


@given(VECTORS.filter(lambda values: math.hypot(*values) > 1e-3))
def test_a_vector_points_where_it_points(values: list[float]) -> None:
    assert cosine(values, values) == pytest.approx(1.0)
    assert cosine(values, [-value for value in values]) == pytest.approx(-1.0)


@pytest.mark.parametrize("other", [[0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0], [1.0], [1.0, 2.0, 3.0]])
def test_a_vector_without_direction_or_of_another_length_is_found(other: list[float]) -> None:
    with pytest.raises(BreachError):
        cosine([1.0, 2.0], other)


@pytest.mark.parametrize("other", [[1.0, math.nan], [math.inf, 2.0], [1.0]])
def test_what_cannot_be_compared_is_infinitely_far(other: list[float]) -> None:
    assert largest_difference([1.0, 2.0], other) == math.inf
