"""Writes a model into `inference.yaml` as text: every comment and every other line stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from trivet.errors import SpecError
from trivet.spec.load import parse_spec, parse_yaml

Value = str | int


def spec_with_model(spec: Path, entry: Mapping[str, Value]) -> str:
    """The text of the spec with an entry at the end of `models`; nothing is written.

    Raises:
        SpecError: the spec would break a rule.
    """
    text = insert_model(spec.read_text(encoding="utf-8"), entry, spec.name)
    parse_spec(text, spec.name)
    return text


def write_spec(spec: Path, text: str) -> None:
    """Replace the spec's text, whole or not at all."""
    temporary = spec.with_suffix(".yaml.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(spec)


def insert_model(text: str, entry: Mapping[str, Value], where: str = "inference.yaml") -> str:
    """The text of a spec with one more model."""
    tree = parse_yaml(text, where)
    models = tree.get("models") if isinstance(tree, CommentedMap) else None
    if not isinstance(models, CommentedSeq) or not models or models.fa.flow_style():
        raise SpecError(
            where=where,
            value="models",
            rule="models is a block list (`- name: …`)",
            remedy="write it as one, an entry below the other",
        )
    lines = text.splitlines(keepends=True)
    last_line = _last_line(models[-1], models.lc.item(len(models) - 1)[0])
    if not lines[last_line].endswith("\n"):
        lines[last_line] += "\n"
    dash = " " * (models.lc.item(0)[1] - 2)
    keys = [
        f"{dash}{'  ' if index else '- '}{key}: {_scalar(value)}\n" for index, (key, value) in enumerate(entry.items())
    ]
    return "".join(lines[: last_line + 1] + keys + lines[last_line + 1 :])


def _last_line(node: object, line: int) -> int:
    """The line on which a node that starts on `line` has its last value."""
    if isinstance(node, CommentedMap):
        return max([line, *(_last_line(value, node.lc.value(key)[0]) for key, value in node.items())])
    if isinstance(node, CommentedSeq):
        return max([line, *(_last_line(value, node.lc.item(index)[0]) for index, value in enumerate(node))])
    return line


def _scalar(value: Value) -> str:
    """Plain where YAML reads it back as the same string, else in single quotes."""
    if isinstance(value, int):
        return str(value)
    plain = value and all(character.isalnum() or character in "./_+-:=" for character in value) and ": " not in value
    if plain and value[0].isalpha() and value.lower() not in {"true", "false", "null", "yes", "no", "on", "off"}:
        return value
    return "'" + value.replace("'", "''") + "'"
