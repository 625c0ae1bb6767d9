"""The one interface of a runtime: what a model needs, said in a server's own flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from trivet.errors import SpecError
from trivet.spec.lock import LockedFile
from trivet.spec.model import ModelSpec
from trivet.spec.runtime import ArgumentValue
from trivet.spec.service import Resources

# Flag (with its dashes) to value; True is a bare flag. A key without dashes is a positional argument.
Command = dict[str, str | Literal[True]]

WEIGHTS = "/models"


@dataclass(frozen=True)
class Deployed:
    """A model with everything that the spec and the lock say about it. `weights`: where its files lie."""

    model: ModelSpec
    files: tuple[LockedFile, ...]
    arguments: Mapping[str, ArgumentValue]
    resources: Resources
    weights: str = WEIGHTS


@dataclass(frozen=True)
class Traits:
    """What a runtime's container needs besides its command line.

    Attributes:
        entrypoint: the image's, which its command follows.
        private: directories that its programs look for at exactly these paths, wherever the rest of the image lies.
        port: where it listens.
        probe: the health check's command.
        scratch: the mount of its only writable directory.
        environment: variables.
        gpu: whether it gets the host's GPUs, and the shared memory with which processes on several of them talk.
    """

    entrypoint: tuple[str, ...]
    port: int
    probe: tuple[str, ...]
    scratch: str
    private: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    gpu: bool = False


class Runtime(Protocol):
    """A model server."""

    @property
    def traits(self) -> Traits:
        """Port, health command, scratch space, environment."""

    def command(self, deployed: Deployed) -> Command:
        """The arguments after the image's entrypoint."""

    def concurrency(self, deployed: Deployed) -> int:
        """How many requests the server works on at a time."""


def flags(arguments: Mapping[str, ArgumentValue]) -> Command:
    """The spec's arguments as flags: True is a bare flag, False and null are left out."""
    return {f"--{flag}": value if value is True else str(value) for flag, value in arguments.items() if _is_set(value)}


def positive(deployed: Deployed, flag: str, default: int) -> int:
    """A whole number of at least 1 among the arguments, or the default.

    Raises:
        SpecError: the spec says something else.
    """
    value = deployed.arguments.get(flag)
    if not _is_set(value):
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise SpecError(
            where=f"model {deployed.model.name}",
            value=f"{flag}: {value!r}",
            rule=f"{flag} is a whole number of at least 1: queue and context are sized by it",
            remedy=f"write {flag}: {default}",
        )
    return value


def argv(command: Mapping[str, object]) -> list[str]:
    """A command as the words a container is started with: positional ones first, then flags by name."""
    words: list[str] = []
    for word in sorted(command, key=lambda word: (word.startswith("--"), word)):
        words += [word] if command[word] is True else [word, str(command[word])]
    return words


def _is_set(value: ArgumentValue) -> bool:
    return value is not None and value is not False
