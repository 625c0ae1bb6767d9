"""One question with its one right answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """A question and its answer.

    Attributes:
        task: the family it belongs to, as the evaluation reports it.
        key: what is asked, whatever the wording: equal keys never stand on both sides of the held-out split.
        prompt: the user's message.
        answer: the only answer that counts as right.
    """

    task: str
    key: str
    prompt: str
    answer: str


_LOWER_CASE_SHARE = 0.1

Generator = Callable[[random.Random], Example]


def reword(rng: random.Random, wordings: tuple[str, ...]) -> str:
    """One of the wordings, now and then all in lower case as people type."""
    wording = rng.choice(wordings)
    return wording.lower() if rng.random() < _LOWER_CASE_SHARE else wording
