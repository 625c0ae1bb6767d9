"""Roles, their policies, and instance profiles."""

from __future__ import annotations

from typing import Any

from tests.fakes.pulumi_cloud.aws.kind import Account, Kind, require_json
from tests.fakes.pulumi_cloud.plugin import Properties

NAME_LIMIT = 64
POLICY_LIMIT = 10_240


def _role(account: Account, inputs: Properties) -> tuple[str, Properties]:
    require_json(inputs["assumeRolePolicy"], "assumeRolePolicy")
    made = account.client("iam").create_role(
        RoleName=inputs["name"], AssumeRolePolicyDocument=inputs["assumeRolePolicy"], Tags=account.tag_list(inputs)
    )["Role"]
    return inputs["name"], {"arn": made["Arn"], "name": inputs["name"], "uniqueId": made["RoleId"]}


def _check_role(inputs: Properties) -> list[tuple[str, str]]:
    long = len(inputs.get("name", "")) > NAME_LIMIT
    return [("name", f"expected length of name to be in the range (1 - {NAME_LIMIT})")] if long else []


def _role_policy(account: Account, inputs: Properties) -> tuple[str, Properties]:
    require_json(inputs["policy"], "policy")
    account.client("iam").put_role_policy(
        RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
    )
    return f"{inputs['role']}:{inputs['name']}", {}


def _check_policy(inputs: Properties) -> list[tuple[str, str]]:
    long = len(inputs.get("policy", "")) > POLICY_LIMIT
    return [("policy", f"LimitExceeded: Maximum policy size of {POLICY_LIMIT} bytes exceeded")] if long else []


def _of_role(state: Properties) -> dict[str, Any]:
    return {"RoleName": state["role"], "PolicyName": state["name"]}


def _profile(account: Account, inputs: Properties) -> tuple[str, Properties]:
    iam, name = account.client("iam"), inputs["name"]
    made = iam.create_instance_profile(InstanceProfileName=name, Tags=account.tag_list(inputs))["InstanceProfile"]
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=inputs["role"])
    return name, {"arn": made["Arn"], "name": name}


def _delete_profile(account: Account, identity: str, state: Properties) -> None:
    iam = account.client("iam")
    iam.remove_role_from_instance_profile(InstanceProfileName=identity, RoleName=state["role"])
    iam.delete_instance_profile(InstanceProfileName=identity)


KINDS = {
    "aws:iam/role:Role": Kind(
        _role,
        lambda account, identity, _: account.client("iam").get_role(RoleName=identity),
        lambda account, identity, _: account.client("iam").delete_role(RoleName=identity),
        check=_check_role,
    ),
    "aws:iam/rolePolicy:RolePolicy": Kind(
        _role_policy,
        lambda account, _, state: account.client("iam").get_role_policy(**_of_role(state)),
        lambda account, _, state: account.client("iam").delete_role_policy(**_of_role(state)),
        update=lambda account, _identity, _state, inputs: _role_policy(account, inputs)[1],
        fixed=frozenset({"name", "role"}),
        check=_check_policy,
    ),
    "aws:iam/instanceProfile:InstanceProfile": Kind(
        _profile,
        lambda account, identity, _: account.client("iam").get_instance_profile(InstanceProfileName=identity),
        _delete_profile,
    ),
}
