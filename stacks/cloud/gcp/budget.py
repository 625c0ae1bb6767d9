"""Money has an end, of which Google tells: its budgets write, and stop nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

NANOS = 1_000_000_000
THRESHOLDS = (0.8, 1.0)


@dataclass(frozen=True)
class BudgetArgs:
    """Arguments of Budget. `limit` a month, in the billing account's currency."""

    limit: float
    notify: str
    project_number: str
    billing_account: str


class Budget(pulumi.ComponentResource):
    """The project's costs, held against the limit. Budgets are global: they know amounts and names, and no data."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:gcp:Budget", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        channel = gcp.monitoring.NotificationChannel(
            name, display_name=name, type="email", labels={"email_address": args.notify}, opts=mine
        )
        units, nanos = divmod(round(args.limit * NANOS), NANOS)
        gcp.billing.Budget(
            name,
            billing_account=args.billing_account,
            display_name=name,
            budget_filter={"projects": [f"projects/{args.project_number}"], "calendar_period": "MONTH"},
            amount={"specified_amount": {"units": str(units), "nanos": nanos}},
            threshold_rules=[{"threshold_percent": share} for share in THRESHOLDS],
            all_updates_rule={
                "monitoring_notification_channels": [channel.id],
                "disable_default_iam_recipients": True,
            },
            opts=mine,
        )
        self.register_outputs({})
