"""What the audit keeps of one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

Outcome = Literal[
    "ok",  # answered in full
    "refused",  # by a key, a rule, a quota or a check of the body; no model saw it
    "rejected",  # by the model's server, as a request it cannot serve
    "upstream_error",  # the model's server failed or could not be reached
    "timeout",  # a bound on time was reached
    "disconnected",  # the client left before the end
    "unavailable",  # the gateway was draining, or could not write its audit
    "interrupted",  # the gateway stopped before the end
    "internal_error",  # a fault of the gateway
]


def now() -> str:
    """The time, RFC 3339 in UTC with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass(slots=True)
class Entry:
    """One request, filled in as it proceeds. Until it is known otherwise, its outcome is a fault of the gateway.

    `prompt_tokens` and `completion_tokens` are what the model's server reported; `charged_tokens` is what the quota was
    charged, an estimate where nothing was reported. Times are in milliseconds from the request's arrival.
    """

    request: str
    route: str
    time: str = field(default_factory=now)
    team: str | None = None
    key: str | None = None
    model: str | None = None
    data_class: str | None = None
    status: int = 500
    outcome: Outcome = "internal_error"
    served_by: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    charged_tokens: int | None = None
    first_byte_ms: float | None = None
    latency_ms: float | None = None
    prompt: str | None = None
    slot: int | None = None
    """Where its intent is; not part of the row."""

    def close(self, status: int, outcome: Outcome) -> None:
        """Say how it ended."""
        self.status = status
        self.outcome = outcome
