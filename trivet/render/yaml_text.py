"""YAML that every reader reads alike: keys sorted, every text in double quotes. Equal documents give equal bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

BOOLEANS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false"})  # https://yaml.org/type/bool.html


def yaml_text(document: Any, escape: Callable[[str], str] = str) -> str:
    """The document's text; `escape` is applied to every string but keys, for readers that put something in."""
    yaml = YAML(pure=True)
    yaml.width = sys.maxsize
    text = StringIO()
    yaml.dump(_quoted(document, escape), text)
    return text.getvalue()


def _key(key: str) -> str:
    """`on` as a key is true to readers of YAML 1.1, such as Helm."""
    return DoubleQuotedScalarString(key) if key.lower() in BOOLEANS else key


def _quoted(value: Any, escape: Callable[[str], str]) -> Any:
    """YAML's versions differ in what else is a string."""
    match value:
        case Mapping():
            return {_key(key): _quoted(value[key], escape) for key in sorted(value)}
        case list() | tuple():
            return [_quoted(item, escape) for item in value]
        case str():
            return DoubleQuotedScalarString(escape(value))
    return value
