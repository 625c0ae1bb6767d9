"""The frontier: when a request may be answered outside. Never because a local model is down or slow."""

from __future__ import annotations

import json
from typing import Any, Literal

from trivet_gateway.config import Frontier as FrontierConfig
from trivet_gateway.share import ShareBucket
from trivet_gateway.upstream import Sessions, Upstream

Cause = Literal["context_overflow", "failed_verifier"]


class Frontier:
    """The outside model, and the rules that keep it the exception.

    Raises:
        OSError: the file of its API key cannot be read.
    """

    def __init__(self, config: FrontierConfig, sessions: Sessions) -> None:
        key = config.api_key_file.read_text().strip()
        base = config.url.rstrip("/").removesuffix("/v1")
        self.upstream = Upstream(sessions, base, config.model, {"Authorization": f"Bearer {key}"})
        self.bucket = ShareBucket(config.share, config.burst)
        self._config = config

    def permits(self, cause: Cause, data_class: str | None) -> bool:
        """True when this request may go outside; its permit is then taken from the bucket."""
        return cause in self._config.on and data_class in self._config.data_classes and self.bucket.take()


def parses(answer: dict[str, Any]) -> bool:
    """The verifier of answers that were to be JSON: every choice's text is."""
    for choice in answer.get("choices", ()):
        text = choice.get("message", {}).get("content")
        if not text:  # a call of a tool has no text to verify
            continue
        try:
            json.loads(text)
        except ValueError:
            return False
    return True
