"""GCP: organisation policies. `gcp.resourceLocations` is not retroactive: what exists already stays where it is."""

from __future__ import annotations

from typing import Any

from trivet.residency.guards.scope import Scope


def organisation_policies(scope: Scope) -> list[dict[str, Any]]:
    """Policies for `gcloud org-policies set-policy`; replace ORGANIZATION by the organisation's number."""
    return [
        _policy("gcp.resourceLocations", {"allowedValues": [f"in:{region}-locations" for region in scope.regions]}),
        # Vertex's global endpoint processes requests anywhere; the regional ones have names of their own.
        _policy("gcp.restrictEndpointUsage", {"deniedValues": ["aiplatform.googleapis.com"]}),
        _policy("gcp.restrictServiceUsage", {"deniedValues": ["generativelanguage.googleapis.com"]}),
    ]


def _policy(constraint: str, values: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "name": f"organizations/ORGANIZATION/policies/{constraint}",
        "spec": {"inheritFromParent": False, "rules": [{"values": values}]},
    }
