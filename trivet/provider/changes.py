"""What differs between two trees of plain data, leaf by leaf, named as Pulumi names properties."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind

PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, PropertyDiff]:
    """Property paths to what happens there."""
    return {path: PropertyDiff(kind=kind, input_diff=False) for path, kind in _walk("", old, new)}


def path_of(keys: Iterable[str | int]) -> str:
    """The path of a property, as Pulumi writes it."""
    path = ""
    for key in keys:
        path = f"{path}[{key}]" if isinstance(key, int) else _join(path, key)
    return path


def _walk(path: str, old: Any, new: Any) -> Iterator[tuple[str, PropertyDiffKind]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            at = _join(path, key)
            if key not in new:
                yield at, PropertyDiffKind.DELETE
            elif key not in old:
                yield at, PropertyDiffKind.ADD
            else:
                yield from _walk(at, old[key], new[key])
    elif old != new:
        yield path, PropertyDiffKind.UPDATE


def _join(path: str, key: str) -> str:
    if PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    escaped = key.replace('"', '\\"')
    return f'{path}["{escaped}"]'
