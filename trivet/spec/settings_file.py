"""A stack's settings, read from its file as Pulumi would hand them to the program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trivet.errors import SpecError
from trivet.spec.load import parse_yaml
from trivet.spec.settings import Settings, parse_settings


def read_settings(project: Path, stack: str) -> Settings:
    """The plain configuration of `stacks/Pulumi.<stack>.yaml`, validated; secrets stay unread.

    Raises:
        SpecError: the stack has no file, or a setting breaks a rule.
    """
    return parse_settings(stack, read_plain(project, stack))


def read_plain(project: Path, stack: str) -> dict[str, str]:
    """The same, as Pulumi would hand it over and not validated: settings that nobody has completed yet are no error.

    Raises:
        SpecError: the stack has no file, or it is no YAML.
    """
    file = project / "stacks" / f"Pulumi.{stack}.yaml"
    try:
        config = _mapping(file).get("config") or {}
    except FileNotFoundError as exc:
        raise SpecError(
            value=str(file),
            rule="a stack's settings lie in its file",
            remedy=f"run `pulumi stack init {stack}`, or name another with --stack",
        ) from exc
    prefix = f"{_mapping(project / 'Pulumi.yaml')['name']}:"
    plain = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    return {key: _text(value) for key, value in plain.items() if not is_secret(value)}


def is_secret(value: object) -> bool:
    """True for a secret; Pulumi takes an object with one in it for one."""
    if isinstance(value, Mapping):
        return "secure" in value or any(is_secret(each) for each in value.values())
    return isinstance(value, list) and any(is_secret(each) for each in value)


def _mapping(file: Path) -> Mapping[str, Any]:
    tree = parse_yaml(file.read_text(encoding="utf-8"), file.name)
    return tree if isinstance(tree, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
