"""Tables: what providers offer where. Dated, because all of it changes; nothing here is computed from a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from trivet.spec.base import Country, Frozen, Name
from trivet.spec.residency import Date

Url = Annotated[str, Field(pattern=r"^https://")]
Countries = Annotated[tuple[Country, ...], Field(min_length=1, strict=False)]


class Gpu(Frozen):
    """A GPU: memory in GiB as sold, and what its compute capability brings."""

    memory_gib: Annotated[float, Field(gt=0, strict=False)]
    compute_capability: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]$")]
    bf16: bool
    fp8: bool
    source: Url


class Regions(Frozen):
    """Region → the countries in which it lies (several for a multi-region, none that are merely near)."""

    dated: Date
    source: Url
    countries: dict[str, Countries]


class Service(Frozen):
    """A managed service: `endpoint` runs our container in a region, `routing` sends requests where it pleases."""

    name: Name
    kind: Literal["endpoint", "routing"]
    regions: Annotated[
        tuple[str, ...], Field(strict=False, description="Where it is offered, and processing stays in the region.")
    ] = ()
    geographies: Annotated[
        dict[str, Countries],
        Field(default_factory=dict, description="Routing geography → every country that it may route to."),
    ]
    dated: Date
    source: Url
    note: str = ""


class Instance(Frozen):
    """A machine that can be rented: GPUs and the price of an hour on demand."""

    gpu: str
    count: Annotated[int, Field(ge=1, le=16)] = 1
    price: Annotated[float | None, Field(gt=0, strict=False)] = None


class Offer(Frozen):
    """What a region offers. `dated`: when the prices held; `seen`: when the machines were last seen on offer."""

    region: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    dated: Date
    seen: Date
    source: Url
    probe: Annotated[str, Field(description="A price is not capacity: what to run first. Empty: none needed.")] = ""
    instances: dict[str, Instance]


class Provider(Frozen):
    """One provider. `parent` is its parent company's jurisdiction.

    `control_plane` and `routing` name the countries where requests to it are handled; empty: in the region itself.
    """

    name: Name
    title: str
    parent: Country
    control_plane: Annotated[tuple[Country, ...], Field(strict=False)] = ()
    routing: Annotated[tuple[Country, ...], Field(strict=False)] = ()
    note: str = ""
    regions: Regions
    pairs: Annotated[
        dict[str, str],
        Field(default_factory=dict, description="Region → the one that geo-redundant copies go to."),
    ]
    services: Annotated[tuple[Service, ...], Field(strict=False)] = ()
    offers: Annotated[tuple[Offer, ...], Field(strict=False)] = ()

    def service(self, name: str) -> Service | None:
        """The service of that name."""
        return next((service for service in self.services if service.name == name), None)

    def offer(self, region: str) -> Offer | None:
        """What the tables know of a region."""
        return next((offer for offer in self.offers if offer.region == region), None)


class Throughput(Frozen):
    """Somebody's measurement: output tokens/s of one instance that serves many clients at once."""

    model: Annotated[str, Field(pattern=r"^[0-9.]+B$", description="Parameters.")]
    quantisation: str
    gpu: str
    count: Annotated[int, Field(ge=1)]
    tokens_per_second: Annotated[float, Field(gt=0, strict=False)]
    dated: Date
    source: Url
    note: str = ""


@dataclass(frozen=True)
class Tables:
    """All tables."""

    providers: dict[str, Provider]
    gpus: dict[str, Gpu]
    throughput: tuple[Throughput, ...]

    def regions_in(self, provider: str, countries: frozenset[str]) -> tuple[str, ...]:
        """The provider's regions that lie in these countries alone, sorted."""
        known = self.providers[provider].regions.countries
        return tuple(sorted(region for region, places in known.items() if set(places) <= countries))


def is_stale(dated: date, today: date, max_age_days: int) -> bool:
    """Whether something was looked at too long ago."""
    return (today - dated).days > max_age_days
