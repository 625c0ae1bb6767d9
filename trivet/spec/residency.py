"""Residency in the spec: which regime, and on which basis anything may be an exception to it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from trivet.spec.base import Country, Frozen, refuse

AssetKind = Literal[
    "compute",
    "volume",
    "snapshot",
    "backup",
    "bucket",
    "bucket-replica",
    "registry",
    "registry-replica",
    "key",
    "key-replica",
    "secret",
    "secret-replica",
    "log",
    "state-backend",
    "telemetry",
    "model-cache",
    "control-plane",
    "support-access",
    "inference-routing",
]
ASSET_KINDS: tuple[AssetKind, ...] = get_args(AssetKind)
# YAML knows dates; JSON, which is YAML too, writes them as text.
Date = Annotated[date, Field(strict=False)]


class Transfer(Frozen):
    """An exception: these assets may lie in (or be reached from) these countries, on this legal basis, until then."""

    assets: Annotated[tuple[AssetKind, ...], Field(min_length=1, strict=False)]
    countries: Annotated[tuple[Country, ...], Field(min_length=1, strict=False)]
    article: Annotated[str, Field(min_length=3, max_length=80, description="A basis that the regime lists.")]
    evidence: Annotated[
        str, Field(min_length=3, max_length=500, description="Where the agreement, consent or decision is kept.")
    ]
    expires: Annotated[Date, Field(description="Last day on which it holds.")]


def _name_or_file(regime: str) -> str:
    if ".." in regime.split("/"):
        refuse("a regime's own file lies below the project", "move the file, and name it relative to inference.yaml")
    return regime


class Residency(Frozen):
    """Under which rules data may have a place. Every regime but `none` refuses a place that it does not know."""

    regime: Annotated[
        str,
        Field(
            pattern=r"^([a-z0-9][a-z0-9-]{0,46}|[A-Za-z0-9][A-Za-z0-9._/-]{0,200}\.yaml)$",
            description="`none`, `za-strict`, `za-transfer`, `eu`, `uk`, `ch`, or the path of an own regime (….yaml).",
        ),
        AfterValidator(_name_or_file),
    ] = "none"
    transfers: Annotated[tuple[Transfer, ...], Field(strict=False)] = ()
    max_age_days: Annotated[
        int, Field(ge=1, le=3650, description="What was checked longer ago than this many days counts as unknown.")
    ] = 365
