"""What a cloud without a server of its own holds: resources in a file, which name each other by their ids.

As real clouds do, it refuses what names a resource that is not there, and the removal of one that another still names.
"""
# ruff: noqa: ARG002 - the protocol names the arguments

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError
from tests.fakes.pulumi_cloud.schema import UNKNOWN, Failure

FILE: Final = "CLOUD_ESTATE"  # names the file


@dataclass
class Record:
    """One resource that exists."""

    token: str
    inputs: Properties
    outputs: Properties = field(default_factory=dict)


class Estate:
    """Everything that exists, by id. A change is on disk before it is answered."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, Record]:
        """All of it."""
        with self.open() as records:
            return dict(records)

    @contextmanager
    def open(self) -> Iterator[dict[str, Record]]:
        """All of it, to be changed by one process at a time."""
        with self._file.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            before = file.read()
            records = {name: Record(**each) for name, each in json.loads(before or "{}").items()}
            yield records
            after = json.dumps({name: vars(each) for name, each in records.items()}, indent=1)
            if after != before:
                file.truncate(0)
                file.write(after)


Check = Callable[["Context", Properties], str | None]


@dataclass(frozen=True)
class Context:
    """What a check sees: the provider's configuration, and everything that exists."""

    config: Mapping[str, Any]
    records: Mapping[str, Record]

    def of(self, token: str) -> list[Record]:
        """Every resource of one type."""
        return [each for each in self.records.values() if each.token == token]


@dataclass(frozen=True)
class Kind:
    """One type of resource.

    Attributes:
        identity: its id, of its inputs and of the provider's configuration.
        named: the input that is its name, given one where there is none.
        outputs: what it puts out besides its inputs, in the same words.
        check: what the cloud refuses once it sees the values, in the cloud's own words.
        stays: whether its name is there for ever.
        changes: inputs that can be changed; a change of others is a new resource.
    """

    identity: str
    named: str = "name"
    outputs: Mapping[str, Any] = field(default_factory=dict)
    check: Check = lambda _context, _inputs: None
    stays: bool = False
    changes: frozenset[str] = frozenset()


class Cloud:
    """A back end for the stand-in plugin: the kinds of one cloud, on an estate.

    `names` tells which id of this cloud a text is, or holds.
    """

    def __init__(self, kinds: Mapping[str, Kind], names: Callable[[str], str | None]) -> None:
        self._kinds = kinds
        self._names = names
        self._estate = Estate(Path(os.environ[FILE]))
        self._config: Mapping[str, Any] = {}

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take it as it is."""
        self._config = config

    def failures(self, token: str, inputs: Mapping[str, Any]) -> list[Failure]:
        """A type that nobody described here is a mistake of the stand-in's."""
        return [] if token in self._kinds else [("", f"this stand-in does not know {token} yet")]

    def replaces(self, token: str, changed: set[str]) -> bool:
        """Whether one of them cannot be changed in place."""
        return not changed <= self._kinds[token].changes

    def create(self, token: str, inputs: Properties) -> tuple[str, Properties]:
        """Check it against everything that exists, and note it."""
        kind = self._kinds[token]
        short = token.rpartition(":")[2].lower()[:12]
        named = {kind.named: inputs.get(kind.named) or f"{short}{secrets.token_hex(4)}"}
        words = {**self._config, **inputs, **named}
        with self._estate.open() as records:
            self._require_references(inputs, records)
            if refusal := kind.check(Context(self._config, records), {**inputs, **named}):
                raise RefusedError(refusal)
            identity = kind.identity.format(**words)
            if identity in records:
                raise RefusedError(f"{identity}: already exists")
            outputs = {**named, **_filled(kind.outputs, {**words, "id": identity})}
            records[identity] = Record(token, {**inputs, **named}, outputs)
        return identity, outputs

    def exists(self, token: str, identity: str, state: Properties) -> bool:
        """Whether it is noted."""
        return identity in self._estate.read()

    def update(self, token: str, identity: str, state: Properties, inputs: Properties) -> Properties:
        """Note it anew."""
        with self._estate.open() as records:
            self._require_references(inputs, records)
            records[identity].inputs |= inputs
            return records[identity].outputs

    def delete(self, token: str, identity: str, state: Properties) -> None:
        """Forget it, unless another still names it."""
        with self._estate.open() as records:
            if identity not in records or self._kinds[token].stays:
                return
            for other, record in records.items():
                if other != identity and identity in set(self._named(record.inputs)):
                    raise RefusedError(f"{identity}: is still in use by {other}")
            del records[identity]

    def _require_references(self, inputs: Properties, records: Mapping[str, Record]) -> None:
        for named in self._named(inputs):
            if named not in records:
                raise RefusedError(f"{named}: was not found")

    def _named(self, value: object) -> Iterator[str]:
        """Ids of this cloud within a value."""
        if isinstance(value, dict):
            for each in (*value.keys(), *value.values()):
                yield from self._named(each)
        elif isinstance(value, list):
            for each in value:
                yield from self._named(each)
        elif isinstance(value, str) and value != UNKNOWN and (found := self._names(value)):
            yield found


def _filled(value: Any, words: Mapping[str, Any]) -> Any:
    """An output: text with `{words}`, or a function of them."""
    if callable(value):
        return value(words)
    if isinstance(value, dict):
        return {name: _filled(each, words) for name, each in value.items()}
    return value.format(**words) if isinstance(value, str) else value
