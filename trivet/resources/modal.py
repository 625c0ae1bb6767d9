"""Resources on Modal."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from trivet.render.modal import ModalApp

OUTPUTS = ("url", "keyFile", "pricePerHour", "worstCase", "monthToDate", "passed")


@dataclass(frozen=True)
class AppArgs:
    """Arguments of an App. `frontier_api_key` only where the spec lists a frontier."""

    app: ModalApp
    frontier_api_key: pulumi.Input[str] | None = None


class App(pulumi.CustomResource):
    """A stack, deployed on Modal: an app with one web endpoint, and its volumes.

    Attributes:
        url: the gateway, ending in `/v1`; it has answered as what was deployed.
        key_file: path of a 0600 file with one API key, on the operator's machine.
        price_per_hour, worst_case, month_to_date: in dollars, as text.
        passed: why there is no app, where another provider is asked; else empty.
    """

    url: pulumi.Output[str]
    key_file: pulumi.Output[str]
    passed: pulumi.Output[str]
    price_per_hour: pulumi.Output[str]
    worst_case: pulumi.Output[str]
    month_to_date: pulumi.Output[str]

    def __init__(self, name: str, args: AppArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = args.app.model_dump(mode="json", by_alias=True, exclude_none=True)
        if args.frontier_api_key is not None:
            properties["frontierApiKey"] = pulumi.Output.secret(args.frontier_api_key)
        super().__init__("trivet:modal:App", name, {**properties, **dict.fromkeys(OUTPUTS)}, opts)
        # Set by the base class under their names in the schema.
        self.key_file = self.keyFile  # type: ignore[attr-defined]
        self.price_per_hour = self.pricePerHour  # type: ignore[attr-defined]
        self.worst_case = self.worstCase  # type: ignore[attr-defined]
        self.month_to_date = self.monthToDate  # type: ignore[attr-defined]
