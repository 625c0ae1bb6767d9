"""Money has an end, of which Azure tells: its budgets write, and stop nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pulumi
import pulumi_azure_native as azure

from stacks.cloud.azure.group import Group

THRESHOLDS = (80, 100)  # per cent


@dataclass(frozen=True)
class BudgetArgs:
    """Arguments of Budget. `limit` a month, in the subscription's currency, from the month of `today` on."""

    group: Group
    limit: float
    notify: str
    today: date


class Budget(pulumi.ComponentResource):
    """The resource group's costs, held against the limit. Budgets are global: they know amounts, and no data."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:azure:Budget", name, None, opts)
        azure.consumption.Budget(
            name,
            budget_name=name,
            scope=args.group.id,
            category="Cost",
            amount=args.limit,
            time_grain="Monthly",
            time_period={"start_date": f"{args.today.replace(day=1)}T00:00:00Z"},
            notifications={
                f"at{share}": {
                    "enabled": True,
                    "operator": "GreaterThanOrEqualTo",
                    "threshold": share,
                    "threshold_type": "Actual",
                    "contact_emails": [args.notify],
                }
                for share in THRESHOLDS
            },
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["timePeriod"]),  # it began when it was made
        )
        self.register_outputs({})
