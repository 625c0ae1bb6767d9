"""Money has an end: a budget that warns, and at its limit stops the machine, where there is one."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

WARN_PERCENT = 80
STOP_PERCENT = 100


@dataclass(frozen=True)
class Stop:
    """The machine that is stopped at the limit, and the role that may."""

    instance: pulumi.Input[str]
    role_arn: pulumi.Input[str]


@dataclass(frozen=True)
class BudgetArgs:
    """Arguments of Budget. `limit` in USD a month."""

    limit: float
    notify: str
    account: str
    region: str
    stop: Stop | None = None


class Budget(pulumi.ComponentResource):
    """The account's costs, held against the limit. Budgets are global: they know amounts and tags, and no data.

    The whole account's costs count, not a tag's: cost allocation tags must be activated by hand, and one that is not
    would count nothing.
    """

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Budget", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        budget = aws.budgets.Budget(
            name,
            name=name,
            account_id=args.account,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{args.limit:.2f}",
            limit_unit="USD",
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": "ACTUAL",
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    "subscriber_email_addresses": [args.notify],
                }
                for percent in (WARN_PERCENT, *(() if args.stop else (STOP_PERCENT,)))
            ],
            opts=mine,
        )
        if args.stop:
            self._stop(name, args, args.stop, budget)
        self.register_outputs({})

    def _stop(self, name: str, args: BudgetArgs, stop: Stop, budget: aws.budgets.Budget) -> None:
        aws.budgets.BudgetAction(
            name,
            account_id=args.account,
            budget_name=budget.name,
            action_type="RUN_SSM_DOCUMENTS",
            approval_model="AUTOMATIC",
            notification_type="ACTUAL",
            execution_role_arn=stop.role_arn,
            action_threshold={"action_threshold_type": "PERCENTAGE", "action_threshold_value": STOP_PERCENT},
            definition={
                "ssm_action_definition": {
                    "action_sub_type": "STOP_EC2_INSTANCES",
                    "instance_ids": [stop.instance],
                    "region": args.region,
                }
            },
            subscribers=[{"address": args.notify, "subscription_type": "EMAIL"}],
            opts=pulumi.ResourceOptions(parent=self),
        )
