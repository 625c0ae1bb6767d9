"""The clouds' own policy engines, as far as the guards use them: what they do not know is an error, never a pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any


def scp_denies(policy: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    """IAM's evaluation of explicit denials: one statement that matches is enough.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    assert policy["Version"] == "2012-10-17"
    keys = {**request, "aws:RequestedRegion": request["region"]}
    return any(_statement_matches(statement, keys) for statement in policy["Statement"])


def _statement_matches(statement: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    assert set(statement) <= {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
    assert statement["Effect"] == "Deny"
    assert ("Action" in statement) != ("NotAction" in statement)
    assert ("Resource" in statement) != ("NotResource" in statement)
    resource = request.get("resource", "*")
    return (
        _listed(statement, "Action", request["action"].lower())
        and _listed(statement, "Resource", resource)
        and all(
            _condition(operator, key, values, request)
            for operator, pairs in statement.get("Condition", {}).items()
            for key, values in pairs.items()
        )
    )


def _listed(statement: Mapping[str, Any], element: str, value: str) -> bool:
    """`Action` and `Resource` match what they list, `NotAction` and `NotResource` everything else; `*` is wild."""
    patterns = statement.get(element, statement.get(f"Not{element}"))
    patterns = [patterns] if isinstance(patterns, str) else patterns
    if element == "Action":
        patterns = [pattern.lower() for pattern in patterns]
    return (element in statement) == any(fnmatchcase(value, pattern) for pattern in patterns)


def _condition(operator: str, key: str, values: Sequence[str] | str, request: Mapping[str, Any]) -> bool:
    values = [values] if isinstance(values, str) else values
    found = request.get(key)
    match operator:
        case "StringNotEquals":  # true also where the request has no such key
            return found not in values
        case "Bool":
            return found in values
        case "ForAnyValue:StringNotEquals":  # false where the request has no such key
            return any(each not in values for each in found or ())
        case "ForAnyValue:StringNotLike":
            return any(not any(fnmatchcase(each, pattern) for pattern in values) for each in found or ())
    raise AssertionError(operator)


def gcp_denies(policies: Sequence[Mapping[str, Any]], request: Mapping[str, Any], regions: Sequence[str]) -> bool:
    """List constraints: with allowed values everything else is denied, with denied values everything else is allowed.

    https://cloud.google.com/resource-manager/docs/organization-policy/defining-locations
    """
    sees = {
        "gcp.resourceLocations": "location",
        "gcp.restrictEndpointUsage": "endpoint",
        "gcp.restrictServiceUsage": "service",
    }
    denied = []
    for policy in policies:
        (rule,) = policy["spec"]["rules"]
        value = request.get(sees[policy["name"].rpartition("/")[2]])
        ((verb, listed),) = rule["values"].items()
        assert verb in {"allowedValues", "deniedValues"}
        if value is not None:
            within = any(_in_group(value, each, regions) for each in listed)
            denied.append(within == (verb == "deniedValues"))
    return any(denied)


def _in_group(value: str, listed: str, regions: Sequence[str]) -> bool:
    """`in:REGION-locations` holds the region and its zones."""
    if not listed.startswith("in:"):
        return value == listed
    region = listed.removeprefix("in:").removesuffix("-locations")
    assert region in regions
    return value == region or (value.rpartition("-")[0] == region and len(value.rpartition("-")[2]) == 1)


def azure_denies(definition: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    """A policy rule's condition: https://learn.microsoft.com/azure/governance/policy/concepts/definition-structure."""
    rule = definition["properties"]["policyRule"]
    assert rule["then"] == {"effect": "deny"}
    return _holds(rule["if"], request)


def _holds(condition: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    if "anyOf" in condition:
        return any(_holds(each, request) for each in condition["anyOf"])
    if "allOf" in condition:
        return all(_holds(each, request) for each in condition["allOf"])
    field, operator, expected = condition["field"], *next(item for item in condition.items() if item[0] != "field")
    assert len(condition) == 2
    alias, _, last = field.rpartition("/")
    found = request.get("sku" if last == "sku.name" else field)
    assert not alias or alias == request["type"] or last == "sku.name"
    value, wanted = (
        (found or "").lower(),
        expected if isinstance(expected, str) else [each.lower() for each in expected],
    )
    outcomes = {
        "exists": lambda: (found is not None) == (wanted == "true"),
        "equals": lambda: value == wanted.lower(),
        "in": lambda: value in wanted,
        "notIn": lambda: value not in wanted,  # true also where the resource has no such field
        "like": lambda: fnmatchcase(value, wanted.lower()),
        "notLike": lambda: not fnmatchcase(value, wanted.lower()),
    }
    return bool(outcomes[operator]())
