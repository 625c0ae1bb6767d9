"""One exception tree. Every error says the value it met, the rule it broke and the remedy."""

from __future__ import annotations


class TrivetError(Exception):
    """An error that a person can act on.

    Attributes:
        value: what was met, shortened for the terminal; never a secret.
        rule: what must hold.
        remedy: what to do next, a command where there is one.
        where: a file and line, a host or a resource; empty when the value says it all.
    """

    def __init__(self, *, value: object, rule: str, remedy: str, where: str = "") -> None:
        self.value = value
        self.rule = rule
        self.remedy = remedy
        self.where = where
        super().__init__(value, rule, remedy, where)

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        return f"{head}{_shorten(self.value)}\n  rule:   {self.rule}\n  remedy: {self.remedy}"


class SpecError(TrivetError):
    """`inference.yaml` or the stack's settings break a rule."""


class ResidencyError(TrivetError):
    """The stack would put data, keys or state where the regime does not allow it."""


class LockError(TrivetError):
    """`inference.lock` is missing, malformed or does not match `inference.yaml`."""


class IntegrityError(TrivetError):
    """Bytes do not have the length, digest or structure that was promised."""


class ModelError(TrivetError):
    """A model's weights cannot be fetched, read or used."""


class BuildError(TrivetError):
    """An image cannot be built."""


class HostError(TrivetError):
    """A host refuses, or cannot carry out, what it was asked to do."""


class EngineError(HostError):
    """The container engine is missing, unreachable or refuses."""


class EndedError(HostError):
    """A command was ended before it did so by itself; the host, as far as one knows, still answers."""


class CloudError(TrivetError):
    """A provider of rented machines refuses.

    Attributes:
        code: the provider's own word for it, to branch on; `http/…` where it gave none.
    """

    def __init__(self, *, code: str, value: object, rule: str, remedy: str, where: str = "") -> None:
        super().__init__(value=value, rule=rule, remedy=remedy, where=where)
        self.code = code


class CapacityError(CloudError):
    """Nobody has such a machine to give just now."""


class AmbiguousError(CloudError):
    """The answer to a request that must not be sent twice was lost: it may have been carried out."""


class BudgetError(TrivetError):
    """It could cost more than the budget allows."""


class ConformanceError(TrivetError):
    """A deployed stack cannot be examined at all (a failed check is a result, not an exception)."""


def _shorten(value: object, limit: int = 400) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
