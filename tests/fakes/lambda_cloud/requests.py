"""What the real API accepts, field by field: anything else is `global/invalid-parameters`."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TagBody(Body):
    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-:]+$", max_length=55)]
    value: Annotated[str, Field(max_length=128)]


class Ref(Body):
    id: str


class Mount(Body):
    mount_point: str
    file_system_id: str


class ImageBody(Body):
    id: str | None = None
    family: str | None = None


class LaunchBody(Body):
    region_name: str
    instance_type_name: str
    ssh_key_names: Annotated[list[str], Field(min_length=1, max_length=1)]
    name: Annotated[str | None, Field(max_length=64)] = None
    hostname: Annotated[str | None, Field(pattern=r"^[a-z0-9][0-9a-z-]{0,62}$")] = None
    image: ImageBody | None = None
    user_data: Annotated[str | None, Field(max_length=1 << 20)] = None
    file_system_names: list[str] = []
    file_system_mounts: list[Mount] = []
    tags: list[TagBody] = []
    firewall_rulesets: list[Ref] = []


class IdsBody(Body):
    instance_ids: Annotated[list[str], Field(min_length=1)]


class RenameBody(Body):
    name: Annotated[str, Field(max_length=64)]


class KeyBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    public_key: Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^(ssh-(ed25519|rsa)|ecdsa-sha2-\S+) \S+")]


class RuleBody(Body):
    protocol: Literal["tcp", "udp", "icmp", "all"]
    port_range: tuple[Annotated[int, Field(ge=1, le=65535)], Annotated[int, Field(ge=1, le=65535)]] | None = None
    source_network: IPv4Network
    description: Annotated[str, Field(max_length=128)]

    @model_validator(mode="after")
    def _range_is_one(self) -> Self:
        if (self.port_range is None) == (self.protocol in {"tcp", "udp"}):
            raise ValueError("tcp and udp rules have a port_range, others have none")
        if self.port_range and self.port_range[0] > self.port_range[1]:
            raise ValueError("a port_range goes upwards")
        return self


class RulesetBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    region: str
    rules: list[RuleBody]
