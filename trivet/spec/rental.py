"""A rented node: what may be rented, for how long, for how much, and who may reach it."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from trivet.spec.base import Frozen, refuse

HOUR, MINUTE = 3600, 60


def _network(text: str) -> str:
    try:
        IPv4Network(text)
    except ValueError:
        refuse("an IPv4 network in CIDR notation, without host bits", "write 203.0.113.7/32 for one address")
    return text


Network = Annotated[str, AfterValidator(_network)]
ProviderName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="A name of the provider's.")]


class LambdaSettings(Frozen):
    """The settings `lambda.…`, for target lambda."""

    instance_types: Annotated[
        tuple[ProviderName, ...], Field(strict=False, min_length=1, description="The most wanted first.")
    ]
    other_regions: Annotated[
        tuple[ProviderName, ...], Field(strict=False, description="Where `region` has none; each must be lawful.")
    ] = ()
    allow_from: Annotated[
        tuple[Network, ...],
        Field(
            strict=False, min_length=1, description="Networks that may reach SSH and, if bound outside, the gateway."
        ),
    ]
    monthly_budget: Annotated[float, Field(gt=0, description="Dollars that a calendar month may cost at the most.")]
    multiplier: Annotated[float, Field(ge=1, description="On the list price, for taxes and the like.")] = 1.0
    ttl_hours: Annotated[float, Field(ge=0.5, le=168, description="Life of a node, whatever the traffic.")] = 8.0
    max_ttl_hours: Annotated[float, Field(ge=0.5, le=720, description="Beyond this no hold reaches.")] = 24.0
    idle_minutes: Annotated[float, Field(ge=1, le=1440, description="Idle for so long, a node ends itself.")] = 20
    poll_seconds: Annotated[
        int, Field(ge=5, le=60, description="How often its watchdog looks; it ends at most two of these late.")
    ] = 30
    key_on_node: Annotated[
        bool,
        Field(description="Put the account's key on the node, so that it can end itself; else reapers alone end it."),
    ] = False
    broker: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/\s?#@]+(/[^\s?#]*)?$",
            max_length=256,
            description="Where `trivet reap --broker` answers, as the node sees it: ends the node at its own request.",
        ),
    ] = None

    @model_validator(mode="after")
    def _cap_is_no_less_than_life(self) -> Self:
        if self.max_ttl_hours < self.ttl_hours:
            refuse("maxTtlHours is no less than ttlHours", "raise maxTtlHours, or lower ttlHours")
        return self

    @model_validator(mode="after")
    def _broker_instead_of_key(self) -> Self:
        if self.broker and self.key_on_node:
            refuse("with a broker the account's key is not on the node", "leave out broker or keyOnNode")
        return self
