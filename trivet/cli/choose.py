"""`trivet choose`: where can this stack run, lawfully, and what does it cost there?"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from trivet.cli.answer import Answer, answers
from trivet.cli.project import add_project_argument, project_of
from trivet.cli.table_text import columns, paragraph
from trivet.errors import SpecError
from trivet.residency import load_regime, load_tables
from trivet.residency.choose import Choice, Chooser, Verdict
from trivet.spec import load_spec


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    text = "every place that can run the stack lawfully, with fit and price, and why the others are refused"
    parser = subparsers.add_parser("choose", help=text, description=text)
    parser.add_argument("--spec", type=Path, metavar="FILE", help="default: the project's inference.yaml")
    parser.add_argument("--regime", help="default: the one of the spec")
    parser.add_argument("--budget", type=float, metavar="PER_HOUR", help="the most that an hour may cost")
    parser.add_argument(
        "--tokens-per-second",
        type=float,
        metavar="N",
        help="your assumption of output tokens/s, instead of the tables' measurements",
    )
    add_project_argument(parser)
    answers(parser, run)


def run(args: argparse.Namespace) -> Answer:
    """Three lists: what fits, what wants a probe, what is refused. False where nothing is left."""
    for option in ("budget", "tokens_per_second"):
        value = getattr(args, option)
        if value is not None and not 0 < value < float("inf"):
            name = "--" + option.replace("_", "-")
            raise SpecError(where=name, value=value, rule="a positive number", remedy=f"pass {name} 2.50, say")
    root = args.spec.resolve().parent if args.spec else project_of(args).root
    spec = load_spec(args.spec or root / "inference.yaml")
    chooser = Chooser(
        spec=spec,
        regime=load_regime(args.regime or spec.residency.regime, root),
        tables=load_tables(),
        today=datetime.now(UTC).date(),
        budget=args.budget,
        tokens_per_second=args.tokens_per_second,
    )
    choices = chooser.choices()
    lines = [
        *paragraph(f"{spec.name} needs {chooser.needs}; {chooser.regime.title}", first=f"{chooser.regime.name}  "),
        *choice_lines(choices),
    ]
    return Answer(lines=lines, data={"choices": [choice.model_dump(mode="json", by_alias=True) for choice in choices]})


def choice_lines(choices: Sequence[Choice]) -> list[str]:
    """The three lists for people."""
    fits, probes, refused = ([each for each in choices if each.verdict == verdict] for verdict in get_args(Verdict))
    lines = ["", "can run it", *_open(fits)]
    if probes:
        lines += ["", "can run it by the tables; probe first", *_open(probes)]
        for first in dict.fromkeys(choice.first for choice in probes):
            lines += paragraph(first, first="  first: ")
    dates = sorted({choice.price_dated for choice in (*fits, *probes) if choice.price_hour and choice.price_dated})
    if len(dates) > 1:
        text = f"the prices are of {len(dates)} dates, {dates[0]} to {dates[-1]}: refresh them before you compare"
        lines += ["", *paragraph(text, first="note  ")]
    return [*lines, "", "refused", *_refused(refused)]


def _open(choices: Sequence[Choice]) -> list[str]:
    """One line a machine; what has no price of its own is one line a provider."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for choice in choices:
        regions = grouped.setdefault((choice.tier, choice.provider, _machine(choice)), [])
        regions.append(choice.region)
    lines = columns(
        (f"  {tier}", provider, f"{', '.join(regions)}: {machine}")
        for (tier, provider, machine), regions in grouped.items()
    )
    for throughput in dict.fromkeys(choice.throughput for choice in choices if choice.price_million_tokens):
        lines += paragraph(f"{throughput}; every hour fully loaded, output tokens only", first="  per Mtok: ")
    return lines


def _refused(choices: Sequence[Choice]) -> list[str]:
    """Places of one provider share a line where they share a reason; the country alone makes none of its own."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for choice in choices:
        why = re.sub(r"\bit is in [A-Z]{2}\b", "it is there", choice.why)
        named = choice.region if choice.machine == "any" else f"{choice.region} {choice.machine}"
        country = f" ({', '.join(choice.countries)})" if why != choice.why else ""
        grouped.setdefault((choice.provider, why), []).append(f"{named}{country}")
    lines: list[str] = []
    for (provider, why), names in grouped.items():
        lines += paragraph(f"{provider}: {why}", first="  ", indent=4) + paragraph(", ".join(names), first=" " * 6)
    return lines


def _machine(choice: Choice) -> str:
    gpus = f", {choice.gpu_count} × {choice.gpu}" if choice.gpu else ""
    return f"{choice.machine}{gpus}{_price(choice)}"


def _price(choice: Choice) -> str:
    if choice.tier == "onprem":
        return "; no rent"
    if choice.price_hour is None:
        return "; price not in the tables"
    old = ", an old price" if choice.price_stale else ""
    tokens = choice.price_million_tokens
    million = f", {tokens:.2f}/Mtok" if tokens is not None else ", Mtok not measured"
    return f"; {choice.price_hour:g} {choice.currency}/h ({choice.price_dated}{old}){million}"
