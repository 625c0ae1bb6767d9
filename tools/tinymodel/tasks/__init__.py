"""The tasks, one generator each. A generator draws everything from the `random.Random` that it is given."""

from __future__ import annotations

from tools.tinymodel.tasks.arithmetic import arithmetic
from tools.tinymodel.tasks.chat import chat
from tools.tinymodel.tasks.classify import classify
from tools.tinymodel.tasks.example import Example, Generator
from tools.tinymodel.tasks.extract import extract
from tools.tinymodel.tasks.sort import sort
from tools.tinymodel.tasks.summarise import summarise

# Task → its generator and its share of the training documents.
TASKS: dict[str, tuple[Generator, float]] = {
    "arithmetic": (arithmetic, 0.28),
    "classify": (classify, 0.10),
    "extract": (extract, 0.22),
    "sort": (sort, 0.25),
    "summarise": (summarise, 0.12),
    "chat": (chat, 0.03),
}

__all__ = ["TASKS", "Example", "Generator"]
