"""What Lambda's API speaks of, as plain data. Fields that we do not use are left unread; unknown ones are let be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["booting", "active", "unhealthy", "terminating", "terminated", "preempted"]

DUPLICATE = "global/duplicate"
GONE = frozenset({"global/object-does-not-exist", "global/not-found"})
IN_USE = "firewall-rulesets/firewall-ruleset-in-use"
NO_CAPACITY = "instance-operations/launch/insufficient-capacity"


class Data(BaseModel):
    """A frozen piece of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Region(Data):
    """A place with machines."""

    name: str


class Specs(Data):
    """What a machine has."""

    gpus: int
    vcpus: int
    memory_gib: int
    storage_gib: int


class InstanceType(Data):
    """A kind of machine and its price."""

    name: str
    price_cents_per_hour: Annotated[int, Field(ge=0)]
    specs: Specs


class InstanceTypeOffer(Data):
    """A kind of machine, and where there is one to give just now."""

    instance_type: InstanceType
    regions_with_capacity_available: tuple[Region, ...]


class Tag(Data):
    """Set at the launch, and never again."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-:]+$", max_length=55)]
    value: Annotated[str, Field(max_length=128)]


class Instance(Data):
    """A machine. There is no time of creation in it; `ip` comes late in the boot."""

    id: str
    name: str = ""
    status: Status
    ip: str | None = None
    region: Region
    instance_type: InstanceType
    tags: tuple[Tag, ...] = ()


class SshKey(Data):
    """A public key of the account. `name` is not unique by itself: we make it so."""

    id: str
    name: str
    public_key: str


class FirewallRule(Data):
    """One opening towards the instance."""

    protocol: Literal["tcp", "udp", "icmp", "all"]
    port_range: tuple[int, int] | None = None
    source_network: str
    description: Annotated[str, Field(max_length=128)]


class FirewallRuleset(Data):
    """Openings, for instances of one region."""

    id: str
    name: str
    region: Region
    rules: tuple[FirewallRule, ...]


class Id(Data):
    """A reference."""

    id: str


class LaunchRequest(Data):
    """One instance. The API knows neither a quantity nor an idempotency key."""

    region_name: str
    instance_type_name: str
    ssh_key_names: Annotated[tuple[str, ...], Field(min_length=1, max_length=1)]
    name: Annotated[str, Field(max_length=64)]
    user_data: Annotated[str, Field(max_length=1 << 20)]
    tags: tuple[Tag, ...]
    firewall_rulesets: tuple[Id, ...]
