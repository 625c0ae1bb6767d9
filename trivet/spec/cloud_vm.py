"""What a stack on a cloud's machine is told, whichever cloud it is."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field

from trivet.spec.base import Frozen, refuse


def _network(text: str) -> str:
    try:
        network = IPv4Network(text)
    except ValueError:
        refuse("a network is written as an address and a prefix, with no bits behind the prefix", "write 10.20.0.0/24")
    if not network.is_private:
        refuse("a network of one's own is private (RFC 1918)", "use one below 10.0.0.0/8 or 192.168.0.0/16")
    return text


Network = Annotated[str, AfterValidator(_network)]


class VmSettings(Frozen):
    """A machine in a cloud's private network, installed from a signed bundle."""

    bundle: Annotated[
        str, Field(pattern=r"\.tar$", description="The signed bundle to install, as one file; from the checkout on.")
    ]
    keys: Annotated[
        tuple[Annotated[str, Field(pattern=r"^RW[A-Za-z0-9+/]{54}$")], ...],
        Field(min_length=1, strict=False, description="Public keys, minisign's base64, that the machine believes."),
    ]
    notify: Annotated[
        str, Field(pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$", description="E-mail address that the budget writes to.")
    ]
    price: Annotated[
        float | None,
        Field(gt=0, strict=False, description="An hour of one machine or instance; the tables' when absent."),
    ] = None
    clients: Annotated[
        tuple[Network, ...],
        Field(strict=False, description="Private networks that may reach the gateway; none: only through a tunnel."),
    ] = ()
    volume: Annotated[int, Field(ge=20, le=16384, description="GiB of the machine's encrypted disk.")] = 100
