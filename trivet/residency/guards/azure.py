"""Azure: a policy definition. The built-in policy of allowed locations sees the location only; this one copies too."""

from __future__ import annotations

from typing import Any, Final

from trivet.residency.guards.scope import Scope

GEO_REDUNDANT: Final = ["Standard_GRS", "Standard_RAGRS", "Standard_GZRS", "Standard_RAGZRS"]
ACCOUNTS: Final = "Microsoft.Storage/storageAccounts"
NAMES: Final = "Microsoft.Network/privateDnsZones*"  # global, and of a network's own names alone
DEPLOYMENTS: Final = "Microsoft.CognitiveServices/accounts/deployments"


def policy_definition(scope: Scope) -> dict[str, Any]:
    """The definition, for `az policy definition create`; assign it to the management group, mode `All`."""
    regions = list(scope.regions)
    pairs = scope.provider.pairs
    copied_well = [region for region in regions if pairs.get(region) in scope.regions]
    not_copied_badly = [region for region in regions if region not in pairs or pairs[region] in scope.regions]
    return {
        "properties": {
            "displayName": f"Residency: {scope.regime}",
            "policyType": "Custom",
            "mode": "All",
            "policyRule": {
                "if": {
                    "anyOf": [
                        _all(
                            {"field": "location", "exists": "true"},
                            _outside(regions),
                            {"field": "type", "notLike": NAMES},
                        ),
                        _all(
                            _is(ACCOUNTS),
                            {"field": f"{ACCOUNTS}/sku.name", "in": GEO_REDUNDANT},
                            _outside(copied_well),
                        ),
                        _all(_is("Microsoft.KeyVault/vaults"), _outside(not_copied_badly)),
                        _all(_is(DEPLOYMENTS), {"field": f"{DEPLOYMENTS}/sku.name", "like": "Global*"}),
                        _all(_is(DEPLOYMENTS), {"field": f"{DEPLOYMENTS}/sku.name", "like": "DataZone*"}),
                    ]
                },
                "then": {"effect": "deny"},
            },
        }
    }


def _all(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"allOf": list(conditions)}


def _is(kind: str) -> dict[str, Any]:
    return {"field": "type", "equals": kind}


def _outside(regions: list[str]) -> dict[str, Any]:
    return {"field": "location", "notIn": regions}
