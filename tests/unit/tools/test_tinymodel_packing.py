"""Packing: every token of every conversation is learnt from once, and none sees another conversation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.tinymodel.packing import Batch, batches

LENGTH = 16
documents = st.lists(
    st.lists(st.tuples(st.integers(1, 99), st.booleans()), min_size=2, max_size=LENGTH + 3).map(
        lambda pairs: ([token for token, _ in pairs], [said for _, said in pairs])
    ),
    max_size=120,
)


def found(batch: Batch) -> list[list[int]]:
    """The documents of a batch, less their last token."""
    spans = []
    for row, segment, position in zip(batch.ids, batch.segment, batch.position, strict=True):
        for number in range(segment.max() + 1):
            inside = segment == number
            assert position[inside].tolist() == list(range(inside.sum()))
            spans.append(row[inside].tolist())
    return spans


@given(documents)
def test_packed_documents_are_whole_and_each_stands_once(drawn: list[tuple[list[int], list[bool]]]) -> None:
    packed = [span for batch in batches(drawn, rows=2, length=LENGTH) for span in found(batch)]
    given_in = sorted(tokens[:-1] for tokens, _ in drawn if len(tokens) <= LENGTH + 1)
    for span in packed:
        given_in.remove(span)


def test_targets_are_the_next_tokens_of_what_the_model_says() -> None:
    document = ([5, 6, 7, 8], [False, False, True, True])
    (batch,) = batches([document] * 5, rows=1, length=LENGTH - 1)
    used = batch.weight == 1
    assert batch.ids.reshape(-1)[batch.where[used]].tolist() == [6, 7] * 3
    assert batch.target[used].tolist() == [7, 8] * 3


def test_a_document_longer_than_a_row_is_left_out() -> None:
    long = (list(range(1, LENGTH + 3)), [True] * (LENGTH + 2))
    assert list(batches([long] * 9, rows=1, length=LENGTH)) == []


def test_answers_beyond_the_room_are_not_learnt_from() -> None:
    (batch,) = batches([([1] * (LENGTH + 1), [True] * (LENGTH + 1))], rows=1, length=LENGTH)
    assert batch.weight.tolist() == [1.0] * int(LENGTH * 0.4)


@pytest.mark.parametrize("rows", [1, 3])
def test_arrays_have_the_shape_of_the_batch(rows: int) -> None:
    for batch in batches([([1] * LENGTH, [True] * LENGTH)] * 7, rows, LENGTH):
        assert batch.ids.shape == batch.segment.shape == batch.position.shape
        assert batch.ids.shape[1] == LENGTH
        assert np.isin(batch.weight, (0, 1)).all()
