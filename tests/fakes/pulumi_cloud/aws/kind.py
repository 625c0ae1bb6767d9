"""How one type of AWS resource is made, found, changed and removed; and the account in which that happens."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError

GONE = ("NotFound", "NoSuch", "404", "does not exist", "ResourceNotFound", "Malformed")
RETRIES = Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=30)


class Account:
    """A provider's credentials and region. The address of the API comes from AWS_ENDPOINT_URL, as boto3 knows it."""

    def __init__(self, region: str, tags: Mapping[str, str]) -> None:
        self.region = region
        self.tags = tags
        self.number: str = self.client("sts").get_caller_identity()["Account"]

    @functools.cache  # noqa: B019 - an account lives as long as the process
    def client(self, service: str, region: str | None = None) -> Any:
        """A client of boto3."""
        return boto3.client(service, region_name=region or self.region, config=RETRIES)  # type: ignore[call-overload]

    def at(self, inputs: Mapping[str, Any], service: str) -> Any:
        """A client for the region in which a resource lies: its own, or the provider's."""
        return self.client(service, inputs.get("region"))

    def tagged(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """The resource's tags, over those of the provider."""
        return {**self.tags, **inputs.get("tags", {})}

    def tag_list(self, inputs: Mapping[str, Any], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
        """The same, as most of AWS takes them."""
        return [{key: name, value: text} for name, text in self.tagged(inputs).items()]


Create = Callable[[Account, Properties], tuple[str, Properties]]
Find = Callable[[Account, str, Properties], Any]
Update = Callable[[Account, str, Properties, Properties], Properties]


@dataclass(frozen=True)
class Kind:
    """One type of resource.

    Attributes:
        find: fails, or returns nothing, where it is gone.
        update: takes id, old state and new inputs; None: every change is a new resource.
        fixed: properties whose change is a new resource all the same.
        check: what the real plugin, or AWS itself, refuses before anything is made.
    """

    create: Create
    find: Find
    delete: Find
    update: Update | None = None
    fixed: frozenset[str] = field(default_factory=frozenset)
    check: Callable[[Properties], list[tuple[str, str]]] = lambda _: []


def require_json(text: str, what: str) -> Any:
    """A document of JSON, or what AWS says of another."""
    try:
        return json.loads(text)
    except ValueError as exc:
        raise RefusedError(f"MalformedPolicyDocument: {what} is no JSON") from exc
