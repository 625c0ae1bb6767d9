"""Whose cloud an audit reads, and with which client: imported for that cloud alone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import httpx

from trivet.cli.aws import aws_session
from trivet.errors import CloudError, SpecError
from trivet.spec.azure import UUID

Inventory = tuple[Any, ...]
# The clouds' own variables for another address of their API.
GOOGLE_URL: Final = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDASSET"
AZURE_URL: Final = "AZURE_RESOURCE_MANAGER_ENDPOINT"
SCOPES: Final = {"gcp": r"(projects|folders|organizations)/[a-z0-9:.-]+", "azure": UUID}
EXAMPLES: Final = {"gcp": "projects/PROJECT (or folders/…, organizations/…)", "azure": "SUBSCRIPTION-ID"}


def read_inventory(cloud: str, *, profile: str | None, scope: str | None) -> Inventory:
    """What exists in an account of AWS, in a `scope` of Google Cloud or in a subscription of Azure.

    Raises:
        SpecError: a scope is missing or malformed, or there is none.
        CloudError: no client, no credentials, or something could not be read.
    """
    if not re.fullmatch(SCOPES.get(cloud, ""), scope or ""):
        raise SpecError(
            value=f"--cloud {cloud}{f' --scope {scope}' if scope else ''}",
            rule="Google Cloud and Azure are read within a scope, AWS as the account of the credentials",
            remedy=f"add --scope {EXAMPLES[cloud]}" if cloud in EXAMPLES else "leave --scope out",
        )
    return READERS[cloud](profile if cloud == "aws" else scope)


def _aws(profile: str | None) -> Inventory:
    session = aws_session(profile)
    things: Inventory = import_module("trivet.drivers.aws.inventory").inventory(session)
    return things


def _gcp(scope: str | None) -> Inventory:
    auth = _client("trivet.drivers.gcp.credentials", "gcp", "Google Cloud").GoogleAuth()
    module = import_module("trivet.drivers.gcp.inventory")
    with httpx.Client(auth=auth) as client:
        things: Inventory = module.inventory(client, scope, url=os.environ.get(GOOGLE_URL, module.URL))
    return things


def _azure(scope: str | None) -> Inventory:
    auth = _client("trivet.drivers.azure.credentials", "azure", "Azure").AzureAuth()
    module = import_module("trivet.drivers.azure.inventory")
    with httpx.Client(auth=auth) as client:
        things: Inventory = module.inventory(client, scope, url=os.environ.get(AZURE_URL, module.URL))
    return things


def _client(module: str, extra: str, cloud: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as exc:
        raise CloudError(
            code="no-client",
            value=str(exc),
            rule=f"{cloud} is read with its own library for credentials, which an installation without a cloud lacks",
            remedy=f"run `.venv/bin/pip install 'trivet[{extra}]'`",
        ) from exc


READERS: Final[dict[str, Callable[[str | None], Inventory]]] = {"aws": _aws, "azure": _azure, "gcp": _gcp}
