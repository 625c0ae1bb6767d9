"""What every part of a stack on Azure is told: where it lies, and which tags it bears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Group:
    """A resource group. `subscription` and `tenant` are ids."""

    name: pulumi.Output[str]
    id: pulumi.Output[str]
    region: str
    subscription: str
    tenant: str
    tags: Mapping[str, str]

    def role(self, number: str) -> str:
        """The id of one of Azure's own roles."""
        return f"/subscriptions/{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{number}"
