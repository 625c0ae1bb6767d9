"""Resources at Lambda."""

from __future__ import annotations

import pulumi

from trivet.drivers.rented.rental import Rental

OUTPUTS = (
    "nodeId",
    "address",
    "region",
    "instanceType",
    "launchId",
    "expiresAt",
    "endsBy",
    "pricePerHour",
    "worstCase",
    "monthToDate",
    "passed",
)


class Instance(pulumi.CustomResource):
    """A node, rented for a stack: launched once, found again whatever happens, ended by itself when it is idle.

    Attributes:
        address: the node's IPv4 address.
        region: where it came to be, of those that were wanted.
        instance_type: what it came to be.
        price_per_hour, worst_case, month_to_date: in dollars, as text.
        passed: why there is no node, where another provider is asked; else empty.
    """

    address: pulumi.Output[str]
    region: pulumi.Output[str]
    instance_type: pulumi.Output[str]
    launch_id: pulumi.Output[str]
    price_per_hour: pulumi.Output[str]
    worst_case: pulumi.Output[str]
    month_to_date: pulumi.Output[str]
    passed: pulumi.Output[str]

    def __init__(self, name: str, args: Rental, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = args.model_dump(mode="json", by_alias=True)
        super().__init__("trivet:lambdacloud:Instance", name, {**properties, **dict.fromkeys(OUTPUTS)}, opts)
        # Set by the base class under their names in the schema.
        self.instance_type = self.instanceType  # type: ignore[attr-defined]
        self.launch_id = self.launchId  # type: ignore[attr-defined]
        self.price_per_hour = self.pricePerHour  # type: ignore[attr-defined]
        self.worst_case = self.worstCase  # type: ignore[attr-defined]
        self.month_to_date = self.monthToDate  # type: ignore[attr-defined]
