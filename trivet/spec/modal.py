"""Settings of a stack on Modal."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from trivet.spec.base import Country, Frozen, refuse

REGION = r"^[a-z]{2,4}(-[a-z]+)*(-[0-9])?$"
REPOSITORY = r"^[a-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$"


class ModalSettings(Frozen):
    """How Modal runs the stack. The compute region is the stack's `region`."""

    registry: Annotated[
        str,
        Field(pattern=REPOSITORY, description="HOST/PREFIX that the bundle was pushed to; Modal pulls there."),
    ]
    registry_country: Annotated[
        Country | None, Field(description="Where the registry lies. Needed by every residency regime but none.")
    ] = None
    routing_region: Annotated[
        str | None,
        Field(pattern=REGION, description="Where requests enter Modal's network. Modal's own default is us-east."),
    ] = None
    region: Annotated[
        str | None, Field(pattern=REGION, description="With order: where Modal runs it, if not in `region`.")
    ] = None
    gpu: Annotated[
        str | None,
        Field(pattern=r"^[A-Z0-9][A-Z0-9-]*(:[1-8])?$", description="As Modal names it; chosen by memory when absent."),
    ] = None
    environment: Annotated[
        str | None, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$", description="Modal environment.")
    ] = None
    max_containers: Annotated[
        int, Field(ge=1, le=1000, description="Each container counts quotas, and keeps its audit, by itself.")
    ] = 1
    scaledown_window: Annotated[int, Field(ge=2, le=3600, description="Seconds idle until a container ends.")] = 300
    min_containers: Annotated[int, Field(ge=0, le=1000, description="Kept running, and billed, when idle.")] = 0
    buffer_containers: Annotated[int, Field(ge=0, le=1000, description="Idle ones beside those at work.")] = 0
    allow_idle_billing: Annotated[
        bool, Field(description="Consent to minContainers or bufferContainers above 0: they cost money all day.")
    ] = False

    monthly_budget: Annotated[
        float | None, Field(gt=0, description="Dollars that a calendar month may cost at the most; checked, if given.")
    ] = None
    multiplier: Annotated[float, Field(ge=1, description="On the list price, for taxes and the like.")] = 1.0
    ttl_hours: Annotated[
        float | None,
        Field(ge=0.5, le=720, description="Hours from a deployment until reapers stop the app; unbounded when absent."),
    ] = None

    @model_validator(mode="after")
    def _idle_containers_are_wanted(self) -> Self:
        idle = self.min_containers or self.buffer_containers
        if idle and not self.allow_idle_billing:
            refuse(
                f"{idle} containers that stay up without a request are billed all day, and need consent",
                "set minContainers and bufferContainers to 0, or allowIdleBilling: true",
            )
        if self.min_containers > self.max_containers:
            refuse(
                f"minContainers ({self.min_containers}) is at most maxContainers ({self.max_containers})",
                "raise maxContainers",
            )
        return self
