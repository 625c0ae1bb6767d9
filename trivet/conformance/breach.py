"""How a check ends when it does not pass."""

from __future__ import annotations


class BreachError(Exception):
    """The stack does not do what the check says; the text is what was seen."""


class NoReplyError(BreachError):
    """No complete HTTP response came."""


class InapplicableError(Exception):
    """The check has nothing to examine here; the text is the reason."""


def require(condition: bool, seen: str) -> None:
    """End the check as failed unless `condition` holds."""
    if not condition:
        raise BreachError(seen)
