"""Seeded conversations made of the tasks, and the held-out split that no training conversation touches."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from tools.tinymodel.tasks import TASKS, Example

HELD_OUT_IN_256 = 26
_SYSTEM = (
    "You are a helpful assistant.",
    "You are Trivet, a tiny model.",
    "Answer briefly.",
    "You are a careful assistant. Answer with the result only.",
)
_SYSTEM_SHARE = 0.1
_EARLIER_TURN_SHARE = 0.1

MEASURED = tuple(task for task in TASKS if task != "chat")

Message = tuple[str, str]  # role, content


def is_held_out(example: Example) -> bool:
    """Whether the example belongs to the evaluation alone: a tenth of all keys, by their hash.

    Chat has fixed answers and is not measured.
    """
    return example.task in MEASURED and hashlib.sha256(example.key.encode()).digest()[0] < HELD_OUT_IN_256


def held_out(task: str, count: int, seed: int) -> list[Example]:
    """`count` different examples of `task` that training never shows."""
    rng = random.Random(f"held-out {task} {seed}")
    generate, _ = TASKS[task]
    found: dict[str, Example] = {}
    while len(found) < count:
        example = generate(rng)
        if is_held_out(example):
            found.setdefault(example.prompt, example)
    return list(found.values())


def training(seed: int) -> Iterator[list[Message]]:
    """Conversations without end: a task, now and then after a system message or an unrelated earlier turn."""
    rng = random.Random(f"training {seed}")
    while True:
        messages: list[Message] = []
        if rng.random() < _SYSTEM_SHARE:
            messages.append(("system", rng.choice(_SYSTEM)))
        for _ in range(2 if rng.random() < _EARLIER_TURN_SHARE else 1):
            example = _seen(rng)
            messages += [("user", example.prompt), ("assistant", example.answer)]
        yield messages


def _seen(rng: random.Random) -> Example:
    while True:
        ((generate, _),) = rng.choices(list(TASKS.values()), [share for _, share in TASKS.values()])
        example = generate(rng)
        if not is_held_out(example):
            return example
