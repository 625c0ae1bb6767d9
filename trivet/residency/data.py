"""Reads regimes and tables: those that come with Trivet, and a regime of one's own."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from trivet.errors import SpecError
from trivet.residency.regime import Regime
from trivet.residency.tables import Gpu, Provider, Tables, Throughput
from trivet.spec.load import parse_yaml, spec_error

DATA = Path(__file__).with_name("data")
PROVIDERS = DATA / "providers"
REGIMES = DATA / "regimes"


def regime_names() -> tuple[str, ...]:
    """The regimes that come with Trivet."""
    return tuple(sorted(path.stem for path in REGIMES.glob("*.yaml")))


def load_regime(name: str, project: Path) -> Regime:
    """A regime by its name, or an own one by its path (….yaml) relative to the project.

    Raises:
        SpecError: there is no such regime, or the file breaks a rule.
    """
    path = project / name if name.endswith(".yaml") else REGIMES / f"{name}.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SpecError(
            where="residency.regime",
            value=name,
            rule=f"a regime is one of {', '.join(regime_names())}, or a readable file of one's own (….yaml)",
            remedy="correct it; `trivet residency table regimes` shows what each says",
        ) from exc
    tree = parse_yaml(text, name)
    try:
        return Regime.model_validate(tree)
    except ValidationError as exc:
        raise spec_error(exc, Regime, tree, name) from exc


@functools.cache
def load_tables() -> Tables:
    """The tables that come with Trivet."""
    return Tables(
        providers={path.stem: Provider.model_validate(_plain(path)) for path in sorted(PROVIDERS.glob("*.yaml"))},
        gpus=TypeAdapter(dict[str, Gpu]).validate_python(_plain(DATA / "gpus.yaml")),
        throughput=TypeAdapter(tuple[Throughput, ...]).validate_python(
            tuple(_plain(DATA / "throughput.yaml")), strict=False
        ),
    )


def _plain(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
