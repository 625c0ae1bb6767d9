"""Budgets and their actions. moto has no actions: they are checked, and known to Pulumi's state alone."""

from __future__ import annotations

from tests.fakes.pulumi_cloud.aws.kind import Account, Kind
from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError

HOME = "us-east-1"  # the service is global
ONE_DEFINITION = {"APPLY_IAM_POLICY": "iam", "APPLY_SCP_POLICY": "scp", "RUN_SSM_DOCUMENTS": "ssm"}


def _budget(account: Account, inputs: Properties) -> tuple[str, Properties]:
    budgets = account.client("budgets", HOME)
    budget = {
        "BudgetName": inputs["name"],
        "BudgetType": inputs["budgetType"],
        "TimeUnit": inputs["timeUnit"],
        "BudgetLimit": {"Amount": inputs["limitAmount"], "Unit": inputs["limitUnit"]},
    }
    notifications = [
        {
            "Notification": {
                "NotificationType": each["notificationType"],
                "ComparisonOperator": each["comparisonOperator"],
                "Threshold": each["threshold"],
                "ThresholdType": each["thresholdType"],
            },
            "Subscribers": [
                {"SubscriptionType": "EMAIL", "Address": address} for address in each["subscriberEmailAddresses"]
            ],
        }
        for each in inputs.get("notifications", [])
    ]
    budgets.create_budget(AccountId=account.number, Budget=budget, NotificationsWithSubscribers=notifications)
    return f"{account.number}:{inputs['name']}", {"arn": f"arn:aws:budgets::{account.number}:budget/{inputs['name']}"}


def _check_budget(inputs: Properties) -> list[tuple[str, str]]:
    silent = [each for each in inputs.get("notifications", []) if not each.get("subscriberEmailAddresses")]
    return [("notifications", "Notification must have at least one subscriber!")] if silent else []


def _of_account(account: Account, name: str) -> dict[str, str]:
    return {"AccountId": account.number, "BudgetName": name}


def _action(account: Account, inputs: Properties) -> tuple[str, Properties]:
    account.client("budgets", HOME).describe_budget(**_of_account(account, inputs["budgetName"]))
    role = account.client("iam").get_role(RoleName=inputs["executionRoleArn"].rpartition("/")[2])["Role"]
    if "budgets.amazonaws.com" not in str(role["AssumeRolePolicyDocument"]):
        raise RefusedError("AccessDeniedException: Budgets permission required to assume ExecutionRole")
    wanted = f"{ONE_DEFINITION[inputs['actionType']]}ActionDefinition"
    if set(inputs["definition"]) != {wanted}:
        raise RefusedError(f"InvalidParameterException: {inputs['actionType']} takes {wanted}")
    for machine in inputs["definition"].get("ssmActionDefinition", {}).get("instanceIds", ()):
        account.client("ec2", inputs["definition"]["ssmActionDefinition"]["region"]).describe_instances(
            InstanceIds=[machine]
        )
    identity = f"{account.number}:{inputs['budgetName']}:action"
    return identity, {"status": "STANDBY"}


KINDS = {
    "aws:budgets/budget:Budget": Kind(
        _budget,
        lambda account, _, state: account.client("budgets", HOME).describe_budget(
            **_of_account(account, state["name"])
        ),
        lambda account, _, state: account.client("budgets", HOME).delete_budget(**_of_account(account, state["name"])),
        check=_check_budget,
    ),
    "aws:budgets/budgetAction:BudgetAction": Kind(
        _action, lambda _account, _identity, _state: True, lambda _account, _identity, _state: None
    ),
}
