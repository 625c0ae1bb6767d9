"""What the provider asks of a resource type, and how one says that it is half made."""

from __future__ import annotations

from typing import Protocol

from pulumi.provider.experimental import provider as rpc

from trivet.provider.values import Properties


class InitFailedError(Exception):
    """The resource is there but not as it should be. Pulumi records it with its properties and the reasons."""

    def __init__(self, resource_id: str, properties: Properties, reasons: list[str]) -> None:
        self.resource_id = resource_id
        self.properties = properties
        self.reasons = reasons
        super().__init__(resource_id, reasons)


class Resource(Protocol):
    """A resource type. The methods block: the provider calls them in threads. TrivetErrors are shown as they are."""

    def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Validate the inputs and fill in what follows from them."""

    def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Say which properties change."""

    def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Make it. May raise InitFailedError."""

    def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Change it. May raise InitFailedError."""

    def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """See what it is; an empty id where it is gone."""

    def delete(self, request: rpc.DeleteRequest) -> None:
        """Take it away; gone already is success."""

    def cancel(self) -> None:
        """End what is being done: the operator has interrupted."""
