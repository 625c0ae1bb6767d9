"""How a host is reached over SSH."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trivet.spec.base import Frozen
from trivet.spec.gateway import Port

# Neither an option of a command nor a word of a shell, whatever it is passed to.
Address = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:]*:[0-9a-f:.]*)$",
        description="A name, an IPv4 or an IPv6 address, in lower case.",
    ),
]
NAMED = str.maketrans(":", "-", "[]")  # `::` ends a part of a URN
User = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_.-]{0,31}$", description="A user's name on the host.")]


class SshHop(Frozen):
    """A host on the way, or at its end. Each has its own pinned key."""

    address: Address
    port: Port = 22
    user: User = "root"

    @property
    def known_as(self) -> str:
        """Its name in a `known_hosts` file."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"  # noqa: PLR2004  # SSH's own port

    @property
    def resource_name(self) -> str:
        """What Pulumi calls its resources."""
        return self.known_as.translate(NAMED)

    @property
    def in_url(self) -> str:
        """Its address as a URL has it."""
        return f"[{self.address}]" if ":" in self.address else self.address


class SshTarget(SshHop):
    """A host, and how to get there. Relative paths start at the operator's checkout; `~` is the operator's home."""

    key_file: Annotated[
        str | None, Field(min_length=1, description="Private key without a passphrase; the agent's keys when absent.")
    ] = None
    jump: Annotated[tuple[SshHop, ...], Field(strict=False, description="Hosts to pass through, in that order.")] = ()
    sudo: Annotated[bool, Field(description="Work as root; the config secret sudoPassword, where sudo wants one.")] = (
        False
    )
    known_hosts: Annotated[str, Field(min_length=1, description="The pinned host keys, as OpenSSH writes them.")] = (
        ".trivet/known_hosts"
    )
