"""A check: an id, a sentence that must hold, a remedy, and the function that examines it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trivet.conformance.examination import Examination


@dataclass(frozen=True)
class Check:
    """One rule of conformance.

    Attributes:
        id: `theme.name`.
        rule: the sentence that must hold.
        remedy: where to look when it does not.
        examine: returns the evidence; raises `BreachError` with what it saw instead, `InapplicableError` with the
            reason why there is nothing to examine, and `ConformanceError` when the stack cannot be examined at all.
    """

    id: str
    rule: str
    remedy: str
    examine: Callable[[Examination], str]

    @property
    def theme(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]
