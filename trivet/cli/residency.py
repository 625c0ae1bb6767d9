"""`trivet residency`: is this stack's place lawful, what does a regime say, what do the tables hold?"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from trivet.cli.answer import Answer, add_verb
from trivet.cli.audit_cloud import run_audit
from trivet.cli.inventories import READERS
from trivet.cli.project import add_project_argument, project_of
from trivet.cli.report_text import report_lines
from trivet.cli.table_text import columns, paragraph
from trivet.errors import SpecError
from trivet.residency import Regime, load_regime, load_tables, regime_names
from trivet.residency.backend import state_backend
from trivet.residency.guards import CLOUDS, render_guard
from trivet.residency.regime import Provision
from trivet.residency.stack import check_stack
from trivet.residency.tables import Provider, Tables
from trivet.spec import AssetKind
from trivet.spec.settings_file import read_settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("residency", help="is the place lawful, and why")
    commands = parser.add_subparsers(metavar="ACTION", required=True)

    check = add_verb(commands, "check", "judge every asset of a stack under its regime (exit 1: refused)", run_check)
    check.add_argument("--stack", default="onprem")
    add_project_argument(check)

    explain = add_verb(commands, "explain", "what a regime says, with its articles", run_explain)
    explain.add_argument("kind", nargs="?", choices=get_args(AssetKind), metavar="KIND", help="one kind of asset only")
    explain.add_argument("--regime", help="default: the one of inference.yaml")
    add_project_argument(explain)

    audit = add_verb(commands, "audit", "read back what exists in a cloud and judge it (exit 1: refused)", run_audit)
    audit.add_argument("--cloud", choices=tuple(READERS), default="aws", help="whose (default: aws)")
    audit.add_argument("--scope", help="with gcp: projects/…, folders/… or organizations/…; with azure: a subscription")
    audit.add_argument("--profile", help="with aws: profile (default: the environment's)")
    audit.add_argument("--regime", help="default: the one of inference.yaml")
    add_project_argument(audit)

    guards = add_verb(
        commands, "guards", "an organisation's guard for one cloud, as its policy engine takes it", run_guards
    )
    guards.add_argument("cloud", choices=tuple(CLOUDS))
    guards.add_argument("--regime", help="default: the one of inference.yaml")
    add_project_argument(guards)

    table = add_verb(commands, "table", "the dated tables: regions, services, GPUs, prices", run_table)
    table.add_argument("name", nargs="?", default="providers", help="providers (default), regimes, gpus, or a provider")


def run_check(args: argparse.Namespace) -> Answer:
    """One finding an asset, the refused ones first."""
    project = project_of(args)
    settings = read_settings(project.root, args.stack)
    backend = state_backend(project.root, os.environ)
    report = check_stack(project.spec(), settings, backend, project.root, today=datetime.now(UTC).date())
    return Answer(lines=report_lines(report), data=report.model_dump(mode="json", by_alias=True), ok=report.lawful)


def run_explain(args: argparse.Namespace) -> Answer:
    """The regime, or its rule for one kind of asset."""
    project = project_of(args)
    regime = load_regime(args.regime or project.spec().residency.regime, project.root)
    return Answer(lines=_regime_lines(regime, args.kind), data=regime.model_dump(mode="json", by_alias=True))


def _regime_lines(regime: Regime, kind: AssetKind | None) -> list[str]:
    lines = paragraph(regime.title, first=f"{regime.name}  ")
    if regime.countries:
        lines += paragraph(", ".join(regime.countries), first="allows  ")
    if regime.denied_services:
        lines += paragraph(", ".join(regime.denied_services), first="denies  ")
    for rule in regime.rules:
        if kind is None or kind in rule.assets:
            lines += ["", *paragraph(", ".join(rule.assets), first="rule for  "), *_provision_lines(rule)]
    for decision in regime.adequate:
        until = f" until {decision.expires}" if decision.expires else ""
        lines += ["", *paragraph(", ".join(decision.countries) + until, first="adequate  ")]
        lines += _provision_lines(decision)
    for basis in regime.bases:
        only = ", ".join(basis.countries) if basis.countries else "any country"
        lines += ["", *paragraph(only, first="basis for  "), *_provision_lines(basis)]
    return lines


def _provision_lines(provision: Provision) -> list[str]:
    return [
        *paragraph(f"{provision.article}: {provision.says}", first="  "),
        f"  since {provision.since}, checked {provision.checked}",
        f"  {provision.source}",
    ]


def run_guards(args: argparse.Namespace) -> Answer:
    """The guard itself, to be piped into a file."""
    project = project_of(args)
    residency = project.spec().residency
    regime = load_regime(args.regime or residency.regime, project.root)
    today = datetime.now(UTC).date()
    guard = render_guard(args.cloud, regime, load_tables(), today=today, max_age_days=residency.max_age_days)
    return Answer(lines=[json.dumps(guard, indent=2)], data={"guard": guard})


def run_table(args: argparse.Namespace) -> Answer:
    """One table."""
    tables = load_tables()
    if args.name == "regimes":
        return Answer(lines=columns(_regime_rows()), data={"regimes": list(regime_names())})
    if args.name == "gpus":
        rows = [("GPU", "GiB", "CAPABILITY", "BF16", "FP8")] + [
            (name, f"{gpu.memory_gib:g}", gpu.compute_capability, _yes(gpu.bf16), _yes(gpu.fp8))
            for name, gpu in tables.gpus.items()
        ]
        gpus = {name: gpu.model_dump(mode="json", by_alias=True) for name, gpu in tables.gpus.items()}
        return Answer(lines=columns(rows), data={"gpus": gpus})
    if args.name == "providers":
        listed = [
            (each.name, each.parent, f"{len(each.regions.countries)}", each.title) for each in tables.providers.values()
        ]
        return Answer(
            lines=columns([("NAME", "PARENT", "REGIONS", "TITLE"), *listed]), data={"providers": list(tables.providers)}
        )
    provider = tables.providers.get(args.name)
    if provider is None:
        known = ("providers", "regimes", "gpus", *tables.providers)
        raise SpecError(value=args.name, rule=f"a table is one of {', '.join(known)}", remedy="name one of them")
    return Answer(lines=_provider_lines(provider), data=provider.model_dump(mode="json", by_alias=True))


def _regime_rows() -> Iterable[tuple[str, str, str]]:
    yield ("NAME", "MODE", "TITLE")
    for name in regime_names():
        regime = load_regime(name, Path())
        yield (regime.name, regime.mode, regime.title)


def _provider_rows(tables: Tables) -> Iterable[tuple[str, str, str, str]]:
    yield ("NAME", "PARENT", "REGIONS", "TITLE")
    for each in tables.providers.values():
        yield (each.name, each.parent, str(len(each.regions.countries)), each.title)


def _provider_lines(provider: Provider) -> list[str]:
    lines = paragraph(f"{provider.title}, parent jurisdiction {provider.parent}", first=f"{provider.name}  ")
    if provider.note:
        lines += paragraph(provider.note, first="note  ")
    by_country: dict[str, list[str]] = {}
    for region, countries in provider.regions.countries.items():
        by_country.setdefault(", ".join(countries), []).append(region)
    lines += ["", f"regions, {provider.regions.dated}, {provider.regions.source}"]
    lines += columns((country, ", ".join(regions)) for country, regions in sorted(by_country.items()))
    for service in provider.services:
        where = ", ".join([*service.regions, *service.geographies]) or "no place is known"
        lines += ["", f"service {service.name} ({service.kind}), {service.dated}", *paragraph(where, first="  ")]
    for offer in provider.offers:
        lines += ["", f"GPUs in {offer.region}, prices of {offer.dated}, seen {offer.seen}"]
        lines += columns(
            (
                f"  {name}",
                f"{each.count} × {each.gpu}",
                f"{each.price} {offer.currency}/h" if each.price else "no price",
            )
            for name, each in offer.instances.items()
        ) or ["  none"]
        if offer.probe:
            lines += paragraph(offer.probe, first="  first: ")
    return lines


def _price(price: float | None, currency: str) -> str:
    return f"{price:g} {currency}/h" if price else "price not in the table"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
