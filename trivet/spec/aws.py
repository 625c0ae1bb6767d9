"""Settings of a stack on AWS."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trivet.spec.base import Frozen, refuse
from trivet.spec.cloud_vm import Network, VmSettings

SMALLEST_SUBNET: Final = 28  # AWS's own bounds for a subnet's prefix
LARGEST_SUBNET: Final = 16
RETENTION: Final = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


def _subnet(text: str) -> str:
    if not LARGEST_SUBNET <= IPv4Network(text).prefixlen <= SMALLEST_SUBNET:
        refuse(f"a VPC's prefix has {LARGEST_SUBNET} to {SMALLEST_SUBNET} bits", "write 10.20.0.0/24")
    return text


def _retention(days: int) -> int:
    if days not in RETENTION:
        refuse(f"logs are kept for {', '.join(map(str, RETENTION))} days", "use one of these")
    return days


CLOCK: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_DAY: Final = "(MON|TUE|WED|THU|FRI|SAT|SUN)"
DAYS: Final = rf"^{_DAY}([-,]{_DAY})*$"


class AwsEndpoint(Frozen):
    """How a managed endpoint serves the stack."""

    mode: Annotated[
        Literal["async", "realtime"],
        Field(
            description="async: requests and answers in the bucket, no instance while nobody asks; realtime: streams."
        ),
    ] = "async"
    instances: Annotated[int, Field(ge=1, le=20, description="At most so many run.")] = 1
    idle_minutes: Annotated[
        int, Field(ge=1, le=120, description="With async: without a request for so long, no instance runs.")
    ] = 10
    concurrency: Annotated[
        int, Field(ge=1, le=1000, description="Requests that one instance works on before another one is started.")
    ] = 4


class Hours(Frozen):
    """When a machine runs; outside, it is stopped. Somebody may start it by hand in between."""

    start: Annotated[str, Field(pattern=CLOCK, description="Time of day, such as 07:00.")]
    stop: Annotated[str, Field(pattern=CLOCK, description="Time of day.")]
    days: Annotated[str, Field(pattern=DAYS, description="Days of the week, such as MON-FRI or SAT,SUN.")] = "MON-FRI"
    timezone: Annotated[
        str, Field(pattern=r"^[A-Za-z]+(/[A-Za-z_+-]+[0-9]*)*$", description="As the time-zone database names it.")
    ] = "UTC"

    @model_validator(mode="after")
    def _hours_are_open(self) -> Self:
        if self.start == self.stop:
            refuse("a machine starts and stops at different times", "correct stop, or leave hours out", ("stop",))
        return self


class AwsSettings(VmSettings):
    """A stack on AWS. The region is the stack's `region`."""

    account: Annotated[
        str, Field(pattern=r"^[0-9]{12}$", description="The account's number; credentials of any other are refused.")
    ]
    budget: Annotated[
        float, Field(gt=0, strict=False, description="USD a month; when they are spent, the machine stops.")
    ]
    hours: Annotated[Hours | None, Field(description="With target vm: when the machine runs; always when absent.")] = (
        None
    )
    stop_idle_minutes: Annotated[
        int | None,
        Field(
            ge=10,
            le=1440,
            multiple_of=5,
            description="With target vm: stopped when idle for so long; never when absent.",
        ),
    ] = None
    endpoint: Annotated[AwsEndpoint, Field(description="With target sagemaker: how it serves.")] = AwsEndpoint()
    machine: Annotated[
        str | None,
        Field(pattern=r"^[a-z0-9-]+\.[a-z0-9]+$", description="Instance type; the cheapest that fits when absent."),
    ] = None
    image: Annotated[
        str | None,
        Field(
            pattern=r"^(ami-[0-9a-f]{8,17}|resolve:ssm:/[A-Za-z0-9_./-]+)$",
            description="AMI with `aws`, and the NVIDIA driver where the stack needs a GPU. Debian's own when absent.",
        ),
    ] = None
    root_device: Annotated[
        str, Field(pattern=r"^/dev/[a-z0-9]+$", description="What the image calls its root device.")
    ] = "/dev/xvda"
    zone: Annotated[str, Field(pattern=r"^[a-f]$", description="Letter of the availability zone.")] = "b"
    network: Annotated[Network, AfterValidator(_subnet), Field(description="The VPC's addresses.")] = "10.20.0.0/24"
    log_days: Annotated[int, AfterValidator(_retention), Field(description="Days that logs are kept.")] = 365
