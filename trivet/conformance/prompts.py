"""What is asked: short, synthetic, harmless, and within what the smallest model can do."""

from __future__ import annotations

from typing import Any

QUESTION = "Who are you?"
# Asked in turn until an answer is long enough to be measured.
LONG_QUESTIONS = (QUESTION, "What can you do?", "Sort: 42 7 19 88 3 65")
BEGINNING = "Hello"
FIXED = {"max_tokens": 48, "temperature": 0, "seed": 7}

# A text, the same said otherwise, and something else.
TEXTS = (
    ("The cat sits on the mat.", "A cat is sitting on a mat.", "Interest rates rose by half a percent."),
    ("How do I reset my password?", "I forgot my password, how can I reset it?", "Two trains leave at noon."),
)


def chat_body(model: str, question: str = QUESTION, **more: Any) -> dict[str, Any]:
    """A chat that has one answer: temperature 0 and a seed."""
    return {"model": model, "messages": [{"role": "user", "content": question}], **FIXED, **more}


def completion_body(model: str, **more: Any) -> dict[str, Any]:
    """A completion that has one answer."""
    return {"model": model, "prompt": BEGINNING, **FIXED, **more}


def embedding_body(model: str, text: str | list[str], **more: Any) -> dict[str, Any]:
    """An embedding of one text or of several."""
    return {"model": model, "input": text, **more}
