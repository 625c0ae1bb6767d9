"""Settings of a stack on Google Cloud."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from trivet.spec.base import refuse
from trivet.spec.cloud_vm import Network, VmSettings

SMALLEST_SUBNET: Final = 29  # Google's own bounds for a subnet's prefix; four addresses of each are taken
LARGEST_SUBNET: Final = 8


def _subnet(text: str) -> str:
    if not LARGEST_SUBNET <= IPv4Network(text).prefixlen <= SMALLEST_SUBNET:
        refuse(f"a subnet's prefix has {LARGEST_SUBNET} to {SMALLEST_SUBNET} bits", "write 10.20.0.0/24")
    return text


class GcpSettings(VmSettings):
    """A stack on Google Cloud. The region is the stack's `region`."""

    project: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$", description="The project's id; everything is made in it."),
    ]
    project_number: Annotated[
        str,
        Field(pattern=r"^[0-9]{6,20}$", description="Its number, by which Google's service agents are named."),
    ]
    billing_account: Annotated[
        str,
        Field(pattern=r"^[0-9A-F]{6}(-[0-9A-F]{6}){2}$", description="The account that pays, and holds the budget."),
    ]
    budget: Annotated[
        float,
        Field(ge=1, strict=False, description="A month, in the billing account's currency; Google only writes."),
    ]
    machine: Annotated[
        str | None,
        Field(pattern=r"^[a-z0-9]+-[a-z0-9-]+$", description="Machine type; the cheapest that fits when absent."),
    ] = None
    image: Annotated[
        str | None,
        Field(
            pattern=r"^projects/[a-z0-9.:-]+/global/images/(family/)?[a-z0-9-]+$",
            description="Image, with NVIDIA's driver where the stack needs a GPU. Debian's own when absent.",
        ),
    ] = None
    zone: Annotated[str, Field(pattern=r"^[a-f]$", description="Letter of the zone.")] = "a"
    network: Annotated[Network, AfterValidator(_subnet), Field(description="The subnet's addresses.")] = "10.20.0.0/24"
    log_days: Annotated[int, Field(ge=1, le=3650, description="Days that logs are kept.")] = 365
