"""What a verb answers: lines for people or JSON for programs, errors too."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trivet.errors import TrivetError


@dataclass(frozen=True)
class Answer:
    """A result: `lines` for a person, `data` for a program; `ok` is false where a check failed."""

    lines: Sequence[str]
    data: Mapping[str, Any]
    ok: bool = True


Verb = Callable[[argparse.Namespace], Answer]


def add_verb(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    verb: Verb,
    *,
    writes: bool = False,
) -> argparse.ArgumentParser:
    """A sub-command with `--json`, and with `--dry-run` where it writes."""
    parser = commands.add_parser(name, help=text, description=text)
    if writes:
        parser.add_argument("--dry-run", action="store_true", help="check and decide everything, write nothing")
    answers(parser, verb)
    return parser


def answers(parser: argparse.ArgumentParser, verb: Verb) -> None:
    """Let a command answer in lines, or with `--json` in JSON."""
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as JSON on stdout")
    parser.set_defaults(run=lambda args: _run(args, verb))


def _run(args: argparse.Namespace, verb: Verb) -> int:
    try:
        answer = verb(args)
    except TrivetError as exc:
        if args.json:
            print(_json({"ok": False, "error": _error(exc)}))
        raise
    print(_json({"ok": answer.ok, **answer.data}) if args.json else "\n".join(answer.lines))
    return 0 if answer.ok else 1


def _error(exc: TrivetError) -> dict[str, str]:
    return {
        "kind": type(exc).__name__,
        "where": exc.where,
        "value": str(exc.value),
        "rule": exc.rule,
        "remedy": exc.remedy,
    }


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False)
