"""Fills rows of one length with whole conversations, so that no step is spent on padding."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

OPEN_ROWS = 16
SLACK = 6  # tokens; a row with less room than this is full
ANSWERS = 0.4  # room for answer tokens in a batch, as a share of all; what is beyond is not learnt from

Tokens = tuple[list[int], list[bool]]  # ids, and which of them the model says


@dataclass(frozen=True)
class Batch:
    """Arrays of shape (rows, length), segment -1 where nothing is; and the answers, flat.

    `where` says which places are followed by an answer's token, `target` by which, `weight` is 0 for a place not used.
    """

    ids: NDArray[np.int32]
    segment: NDArray[np.int32]
    position: NDArray[np.int32]
    where: NDArray[np.int32]
    target: NDArray[np.int32]
    weight: NDArray[np.float32]


@dataclass
class _Row:
    documents: list[Tokens] = field(default_factory=list)
    used: int = 0

    def add(self, document: Tokens) -> None:
        self.documents.append(document)
        self.used += len(document[0]) - 1  # the last token is only ever a target


def batches(documents: Iterable[Tokens], rows: int, length: int) -> Iterator[Batch]:
    """Pack documents into batches; one that is longer than a row is left out."""
    packed = _rows(documents, length)
    while group := list(itertools.islice(packed, rows)):
        yield _batch(group, length)


def _rows(documents: Iterable[Tokens], length: int) -> Iterator[_Row]:
    rows: list[_Row] = []
    for document in documents:
        need = len(document[0]) - 1
        if need > length:
            continue
        row = next((row for row in rows if row.used + need <= length), None)
        if row is None:
            row = _Row()
            rows.append(row)
        row.add(document)
        full = (
            row if row.used > length - SLACK else max(rows, key=lambda row: row.used) if len(rows) > OPEN_ROWS else None
        )
        if full:
            rows.remove(full)
            yield full


def _batch(rows: list[_Row], length: int) -> Batch:
    ids, target, segment, position = (np.zeros((len(rows), length), np.int32) for _ in range(4))
    spoken = np.zeros((len(rows), length), bool)
    segment -= 1
    for index, row in enumerate(rows):
        start = 0
        for number, (tokens, said) in enumerate(row.documents):
            span = np.s_[index, start : start + len(tokens) - 1]
            ids[span], target[span], spoken[span] = tokens[:-1], tokens[1:], said[1:]
            segment[span], position[span] = number, range(len(tokens) - 1)
            start += len(tokens) - 1
    room = int(ids.size * ANSWERS)
    found = np.flatnonzero(spoken)[:room]
    where = np.zeros(room, np.int32)
    where[: len(found)] = found
    weight = (np.arange(room) < len(found)).astype(np.float32)
    return Batch(ids, segment, position, where, target.reshape(-1)[where], weight)
