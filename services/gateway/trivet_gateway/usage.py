"""Tokens: what a server reports, and what is reserved before it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeGuard

BYTES_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer, as its server counted them."""

    prompt: int
    completion: int

    @property
    def total(self) -> int:
        """What the quota is charged."""
        return self.prompt + self.completion

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.prompt + other.prompt, self.completion + other.completion)


def usage_of(answer: dict[str, Any]) -> Usage | None:
    """The usage an answer or a chunk carries; None when it carries none that can be believed."""
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    if not _count(prompt) or not _count(completion):
        return None
    return Usage(prompt, completion)


def estimate(body: bytes) -> int:
    """Prompt tokens to reserve for a request body: one for every four bytes of it, JSON and all.

    A gateway without the model's tokenizer can only estimate. Settlement corrects it by what the server counted.
    """
    return len(body) // BYTES_PER_TOKEN + 1


def _count(value: object) -> TypeGuard[int]:
    return type(value) is int and value >= 0
