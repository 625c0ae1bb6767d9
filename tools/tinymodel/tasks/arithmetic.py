"""Sums, differences and comparisons of numbers up to 99."""

from __future__ import annotations

import random

from tools.tinymodel.lexicon import FIRST_NAMES, ITEMS
from tools.tinymodel.tasks.example import Example, reword

_ADD = (
    "What is {a} + {b}?",
    "{a} + {b} =",
    "{a} + {b}",
    "Add {a} and {b}.",
    "Calculate {a} + {b}",
    "What is {a} plus {b}?",
)
_SUBTRACT = (
    "What is {a} - {b}?",
    "{a} - {b} =",
    "{a} - {b}",
    "Subtract {b} from {a}.",
    "Calculate {a} - {b}",
    "What is {a} minus {b}?",
)
_LARGER = ("Which is larger, {a} or {b}?", "What is the larger number, {a} or {b}?")
_SMALLER = ("Which is smaller, {a} or {b}?", "What is the smaller number, {a} or {b}?")
_GAIN = "{who} has {a} {item}s and gets {b} more. How many now?"
_LOSS = "{who} has {a} {item}s and sells {b}. How many are left?"
_STORIES = 0.15
_LARGEST = 99
_SHARES = (4, 4, 2)


def arithmetic(rng: random.Random) -> Example:
    """A sum, a difference or a comparison; no number is above 99 or below 0. Some are one-line stories."""
    kind = rng.choices(("add", "subtract", "compare"), _SHARES)[0]
    total = rng.randint(0, _LARGEST)
    part = rng.randint(0, total)
    names = {"who": rng.choice(FIRST_NAMES), "item": rng.choice(ITEMS)}
    story = rng.random() < _STORIES
    if kind == "add":
        a, b = part, total - part
        wording = _GAIN if story else reword(rng, _ADD)
        return Example("arithmetic", f"add {min(a, b)} {max(a, b)}", wording.format(a=a, b=b, **names), str(total))
    if kind == "subtract":
        wording = _LOSS if story else reword(rng, _SUBTRACT)
        prompt = wording.format(a=total, b=part, **names)
        return Example("arithmetic", f"subtract {total} {part}", prompt, str(total - part))
    a, b = rng.sample(range(_LARGEST + 1), 2)
    answer, wordings = rng.choice(((max(a, b), _LARGER), (min(a, b), _SMALLER)))
    prompt = reword(rng, wordings).format(a=a, b=b)
    return Example("arithmetic", f"compare {min(a, b)} {max(a, b)}", prompt, str(answer))
