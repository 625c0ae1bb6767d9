"""Settings of a stack on Microsoft Azure."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from trivet.spec.base import refuse
from trivet.spec.cloud_vm import Network, VmSettings

NETWORK_PREFIX: Final = 24  # three subnets: the machine, the way to the bundle, and Bastion, which wants 64 addresses
UUID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def _wide(text: str) -> str:
    if IPv4Network(text).prefixlen > NETWORK_PREFIX:
        refuse(f"the network holds three subnets: its prefix has at most {NETWORK_PREFIX} bits", "write 10.20.0.0/24")
    return text


def _public(text: str) -> str:
    try:
        network = IPv4Network(text)
    except ValueError:
        refuse("an address is written as such, or with a prefix", "write 9.9.9.9 or 9.9.9.0/28")
    if network.is_private:
        refuse("storage is reached from outside by a public address", "write the one that `curl ifconfig.me` prints")
    return text


class AzureSettings(VmSettings):
    """A stack on Azure. The region is the stack's `region`."""

    subscription: Annotated[str, Field(pattern=UUID, description="Id of the subscription; everything is made in it.")]
    tenant: Annotated[str, Field(pattern=UUID, description="Id of the tenant (Entra) that the key vault trusts.")]
    uploaders: Annotated[
        tuple[Annotated[str, AfterValidator(_public)], ...],
        Field(min_length=1, strict=False, description="Public addresses that Pulumi may upload the bundle from."),
    ]
    operator_key: Annotated[
        str,
        Field(
            pattern=r"^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+={0,2}( [^\s]+)?$",
            description="Public SSH key of whoever operates the machine, which Bastion leads to.",
        ),
    ]
    budget: Annotated[
        float, Field(gt=0, strict=False, description="A month, in the subscription's currency; Azure only writes.")
    ]
    machine: Annotated[
        str | None,
        Field(pattern=r"^Standard_[A-Za-z0-9_]+$", description="VM size; the cheapest that fits when absent."),
    ] = None
    image: Annotated[
        str | None,
        Field(
            pattern=r"^([A-Za-z0-9._-]+:){3}[A-Za-z0-9._-]+$|^/subscriptions/[A-Za-z0-9/._-]+$",
            description="publisher:offer:sku:version, or the id of an own image, of generation 2; with NVIDIA's driver "
            "where the stack needs a GPU. Debian's own when absent.",
        ),
    ] = None
    trusted_launch: Annotated[
        bool, Field(description="Secure boot and a virtual TPM, where image and size have them.")
    ] = True
    network: Annotated[Network, AfterValidator(_wide), Field(description="The network's addresses.")] = "10.20.0.0/24"
    log_days: Annotated[int, Field(ge=30, le=730, description="Days that logs are kept.")] = 365
