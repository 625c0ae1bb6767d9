"""What exists in a subscription of Azure: its resource graph, read page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from trivet.drivers.asking import ask
from trivet.drivers.found import Found

URL: Final = "https://management.azure.com"
PATH: Final = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01"
QUERY: Final = "Resources | union ResourceContainers | project id, name, type, location, sku, properties"
PAGE: Final = 1000
REMEDY: Final = "grant the role Reader on the subscription"
# Types that the rules know by name, in the words of `pulumi-azure-native`; others are judged by their place.
NAMES: Final = {
    "compute/disks": "Disk",
    "compute/galleries/images/versions": "GalleryImageVersion",
    "compute/snapshots": "Snapshot",
    "compute/virtualmachines": "VirtualMachine",
    "keyvault/vaults": "Vault",
    "recoveryservices/vaults": "Vault",
    "storage/storageaccounts": "StorageAccount",
}
# Modules that have another name there.
MODULES: Final = {
    "management/managementgroups": "managementgroup",
    "network/privatednszones": "privatedns",
    "resources/subscriptions": "managementgroup",
    "resources/subscriptions/resourcegroups": "resources",
}


def inventory(client: httpx.Client, subscription: str, *, url: str = URL) -> tuple[Found, ...]:
    """Everything of a subscription.

    Raises:
        CloudError: it could not be read, or not all of it.
    """
    return tuple(_found(each) for each in _pages(client, subscription, f"{url.rstrip('/')}{PATH}"))


def _pages(client: httpx.Client, subscription: str, url: str) -> Iterator[Mapping[str, Any]]:
    options: dict[str, Any] = {"resultFormat": "objectArray", "$top": PAGE}
    while True:
        asked = {"subscriptions": [subscription], "query": QUERY, "options": options}
        page = ask(client, "POST", url, remedy=REMEDY, json=asked)
        yield from page["data"]
        if not (token := page.get("$skipToken")):
            return
        options = {**options, "$skipToken": token}


def _found(resource: Mapping[str, Any]) -> Found:
    """`microsoft.compute/virtualmachines` in the words of `pulumi-azure-native`."""
    own = resource["type"].lower().removeprefix("microsoft.")
    parent = "/".join(own.split("/")[:2])
    module = MODULES.get(own) or MODULES.get(parent, own.partition("/")[0])
    place = resource.get("location") or ""
    properties = {
        **({"location": place} if place else {}),
        **{key: resource[key] for key in ("sku", "properties") if resource.get(key)},
    }
    return Found(f"azure-native:{module}:{NAMES.get(own, own.rpartition('/')[2])}", resource["name"], place, properties)
