"""What a stack says of itself: `GET /v1/identity`, and what its model list adds to OpenAI's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from trivet.conformance.shapes import Count, Id, ListedModel, Shape

AnyDigest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Positive = Annotated[int, Field(ge=1)]


class Said(Shape):
    """camelCase on the wire."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, alias_generator=to_camel)


class SaidQuota(Said):
    """What the caller's team may use in any 60 seconds, and at one time."""

    requests_per_minute: Positive
    tokens_per_minute: Positive
    concurrency: Positive


class Caller(Said):
    """Whose key was sent, and what it opens."""

    team: Id
    key: Id
    models: list[Id]
    data_classes: list[Id]
    quota: SaidQuota


class AuditState(Said):
    """How far the audit has come: its rows, number and hash of the newest, and how many are the caller's team's.

    The request that asks for it is a row as well, but not yet one of these.
    """

    rows: Count
    head: Annotated[str, Field(pattern=r"^[0-9]+:[0-9a-f]{64}$")]
    team_rows: Count


class Identity(Said):
    """The whole answer."""

    spec_digest: AnyDigest
    lock_digest: AnyDigest
    images: dict[str, AnyDigest]
    models: dict[str, AnyDigest]
    tier: Id
    region: Id
    caller: Caller
    audit: AuditState


class DescribedModel(ListedModel):
    """An entry of the model list, as far as it says more than OpenAI's."""

    kind: Literal["chat", "embedding"] | None = None
    dimensions: Positive | None = None


class DescribedModels(Shape):
    """The model list, as far as it says more than OpenAI's."""

    data: list[DescribedModel]
