"""Assets: everything of a deployment that has a place, or that can be reached from one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trivet.spec.base import Country, Frozen
from trivet.spec.residency import AssetKind


class Asset(Frozen):
    """One thing and its place: a provider's region, or countries that somebody declares. Neither means unknown.

    An asset that lies in several countries, or that people reach from several, names them all: each must be allowed.
    """

    kind: AssetKind
    name: Annotated[str, Field(description="What a person calls it.")]
    provider: Annotated[str | None, Field(description="A provider that the tables name.")] = None
    region: Annotated[str | None, Field(description="Its region, or a geography of its `service`.")] = None
    service: Annotated[str | None, Field(description="A managed service, where its routing decides.")] = None
    countries: Annotated[tuple[Country, ...], Field(strict=False, description="Declared, where no table says.")] = ()

    @property
    def place(self) -> str:
        """The place as a person names it."""
        parts = (self.provider, self.service, self.region)
        return " ".join(part for part in parts if part) or ", ".join(self.countries) or "an unknown place"
