"""From YAML text to a validated model, with errors that name file, line, value, rule and remedy."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from trivet.errors import SpecError
from trivet.spec.base import Frozen
from trivet.spec.stack import StackSpec

MAX_BYTES = 1 << 20
MAX_SHOWN = 80

REMEDIES = {
    "missing": "add the key",
    "literal_error": "use one of the listed values",
    "string_pattern_mismatch": "write it as the rule says",
    "string_type": "put the value in quotes",
}


def load_spec(path: Path) -> StackSpec:
    """Read and validate `inference.yaml`.

    Raises:
        SpecError: the file is missing, is not YAML, or breaks a rule.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise SpecError(
                value=f"{path}: {size} bytes",
                rule=f"a spec has at most {MAX_BYTES} bytes",
                remedy="name the right file",
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SpecError(
            value=f"{path}: {exc}",
            rule="the stack is described in a readable UTF-8 file",
            remedy="name the file, or start from the README's",
        ) from exc
    return parse_spec(text, path.name)


def parse_spec(text: str, where: str = "inference.yaml") -> StackSpec:
    """Validate the text of a spec; `where` names it in errors.

    Raises:
        SpecError: the first broken rule, by line.
    """
    tree = parse_yaml(text, where)
    try:
        return StackSpec.model_validate(tree)
    except ValidationError as exc:
        raise spec_error(exc, StackSpec, tree, where) from exc


def parse_yaml(text: str, where: str) -> Any:
    """YAML 1.2 to data that remembers its lines; duplicate keys are refused.

    Raises:
        SpecError: the text is not one YAML document.
    """
    try:
        return YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else 1
        raise SpecError(
            where=f"{where}:{line}",
            value=str(exc.problem),
            rule="the file is one YAML 1.2 document without duplicate keys",
            remedy="correct the line",
        ) from exc
    except (YAMLError, RecursionError) as exc:
        raise SpecError(
            where=where, value=str(exc), rule="the file is one YAML 1.2 document", remedy="correct the file"
        ) from exc


def spec_error(exc: ValidationError, model: type[Frozen], tree: Any, where: str) -> SpecError:
    """The first error of a validation, as a person wants to read it; how many more there are is said."""
    # A misspelt key is reported twice, as unknown and as missing: the first tells more.
    errors = sorted(exc.errors(), key=lambda error: (error["type"] == "missing", _line(tree, error["loc"])))
    first = errors[0]
    loc = (*first["loc"], *first.get("ctx", {}).get("at", ()))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return SpecError(
        where=f"{where}:{_line(tree, loc)}",
        value=f"{_path(loc)} = {_value(first, tree, loc)}{more}",
        rule=_rule(first),
        remedy=_remedy(first, model),
    )


def _rule(error: ErrorDetails) -> str:
    match error["type"]:
        case "trivet_rule":
            return error["msg"]
        case "extra_forbidden":
            return "only keys that the specification knows"
        case "missing":
            return "this key is required"
    return error["msg"][0].lower() + error["msg"][1:]


def _remedy(error: ErrorDetails, model: type[Frozen]) -> str:
    if error["type"] == "trivet_rule":
        return str(error["ctx"]["remedy"])
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(
            str(error["loc"][-1]), _known_keys(model.model_json_schema(by_alias=True)), n=1
        )
        return f"did you mean {close[0]}?" if close else "remove it; docs/reference/inference.md lists the keys"
    return REMEDIES.get(error["type"], "correct the value; docs/reference/inference.md says what it means")


def _known_keys(schema: Mapping[str, Any]) -> list[str]:
    keys = list(schema.get("properties", {}))
    for definition in schema.get("$defs", {}).values():
        keys += definition.get("properties", {})
    return keys


def _path(loc: Iterable[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".") or "the document"


def _value(error: ErrorDetails, tree: Any, loc: Sequence[int | str]) -> str:
    if error["type"] == "missing":
        return "nothing"
    value = error["input"]
    if len(loc) > len(error["loc"]):
        try:
            value = functools.reduce(lambda node, part: node[part], loc, tree)
        except LookupError:  # what breaks the rule is a default, or that it is missing
            return "nothing"
    if isinstance(value, Mapping):
        return "{…}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[…]"
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _line(tree: Any, loc: Sequence[int | str]) -> int:
    """Line of the deepest node on the way to `loc` that the document has, counted from 1."""
    line, node = 1, tree
    for part in loc:
        if isinstance(node, CommentedMap) and part in node:
            line = node.lc.key(part)[0] + 1
        elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
            line = node.lc.item(part)[0] + 1
        else:
            break
        node = node[part]
    return line
