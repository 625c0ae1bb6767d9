"""In which order several hosts get the same stack. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batches(hosts: Sequence[T], max_unavailable: int) -> Iterator[Sequence[T]]:
    """The hosts in their order, so many at a time: a batch begins when all of the one before are well.

    Args:
        hosts: any number.
        max_unavailable: how many may be worked on at a time; at least 1.
    """
    for begin in range(0, len(hosts), max_unavailable):
        yield hosts[begin : begin + max_unavailable]
