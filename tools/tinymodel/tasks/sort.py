"""Short lists of numbers or words, put in order."""

from __future__ import annotations

import random

from tools.tinymodel.lexicon import SORTABLE
from tools.tinymodel.tasks.example import Example, reword

_UP = (
    "Sort: {list}",
    "Sort {list}",
    "Sort these: {list}",
    "Put in order: {list}",
    "Order this list: {list}",
    "Sort from small to large: {list}",
)
_DOWN = ("Sort from large to small: {list}", "Sort in reverse: {list}", "Sort descending: {list}")
_WORDS = ("Sort: {list}", "Sort {list}", "Sort these words: {list}", "Put in order: {list}", "Sort by alphabet: {list}")
_LONGEST = 6
_WORDS_SHARE = 0.3
_DOWN_SHARE = 0.25


def sort(rng: random.Random) -> Example:
    """Three to six numbers up or down, or three to five words by the alphabet, separated as they came."""
    separator = rng.choice((" ", ", "))
    if rng.random() < _WORDS_SHARE:
        words = rng.sample(SORTABLE, rng.randint(3, _LONGEST - 1))
        return _example(reword(rng, _WORDS), words, sorted(words), separator)
    top = rng.choice((10, 100))
    numbers = rng.sample(range(top), rng.randint(3, _LONGEST))
    down = rng.random() < _DOWN_SHARE
    ordered = sorted(numbers, reverse=down)
    return _example(
        reword(rng, _DOWN if down else _UP), [str(n) for n in numbers], [str(n) for n in ordered], separator
    )


def _example(wording: str, items: list[str], ordered: list[str], separator: str) -> Example:
    key = f"sort {' '.join(sorted(items))}"
    return Example("sort", key, wording.format(list=separator.join(items)), separator.join(ordered))
