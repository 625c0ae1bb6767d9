"""A cloud on paper: it takes every type of every package, and what it makes exists in Pulumi's state alone.

Like the real plugins it refuses an AWS resource without any region. A resource's outputs are its inputs, an `arn`, and
the region in which it lies: unknown until it exists.
"""
# ruff: noqa: ARG002 - the protocol names the arguments

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from tests.fakes.pulumi_cloud.plugin import Properties
from tests.fakes.pulumi_cloud.schema import Failure

PLACES = {"aws": ("region",), "gcp": ("location", "region", "zone"), "azure-native": ("location",)}


class AnyType:
    """A schema that knows no types, and so no mistakes. `version` is what a program without an SDK asks for: any."""

    version = "7.51.1"

    def outputs(self, token: str) -> set[str]:
        return {"arn", "lies"}

    def failures(self, token: str, inputs: Mapping[str, Any]) -> list[Failure]:
        return []


class Paper:
    """One configured provider of `package`."""

    def __init__(self, package: str) -> None:
        self._places = PLACES.get(package, ())
        self._default: str | None = None

    def configure(self, config: Mapping[str, Any]) -> None:
        self._default = self._place(config)

    def failures(self, token: str, inputs: Mapping[str, Any]) -> list[Failure]:
        missing = self._places == PLACES["aws"] and self._default is None and self._place(inputs) is None
        return [("region", "Missing region configuration")] if missing else []

    def replaces(self, token: str, changed: set[str]) -> bool:
        return False

    def create(self, token: str, inputs: Properties) -> tuple[str, Properties]:
        made, here = uuid.uuid4().hex[:8], self._place(inputs) or self._default
        return made, {"arn": f"arn:aws:test:{here}:1:{made}", "lies": here}

    def exists(self, token: str, identity: str, state: Properties) -> bool:
        return True

    def update(self, token: str, identity: str, state: Properties, inputs: Properties) -> Properties:
        return {}

    def delete(self, token: str, identity: str, state: Properties) -> None:
        """Nothing is anywhere."""

    def _place(self, properties: Mapping[str, Any]) -> str | None:
        return next((properties[key] for key in self._places if properties.get(key) is not None), None)
