"""The provider: hands each request to its resource type, in a thread of its own."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping

from pulumi.provider.experimental import provider as rpc

from trivet.errors import TrivetError
from trivet.provider.log import EngineLog
from trivet.provider.resource import Resource


class TrivetProvider(rpc.Provider):
    """Serves every resource type of Trivet."""

    def __init__(self, modules: Mapping[str, str], log: EngineLog) -> None:
        """Take resource types to the modules whose `resource(log)` makes them.

        They are imported when first asked for: when Pulumi refreshes before it deploys it starts the plugin twice, and
        asks one of the two about no resource at all.
        """
        self._modules = modules
        self._log = log
        self._resources: dict[str, Resource] = {}

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Validate a resource's inputs."""
        return await asyncio.to_thread(self._of(request.type).check, request)

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Compare a resource's state with its inputs."""
        return await asyncio.to_thread(self._of(request.type).diff, request)

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Make a resource."""
        return await asyncio.to_thread(self._of(request.type).create, request)

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Change a resource."""
        return await asyncio.to_thread(self._of(request.type).update, request)

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """See what a resource is."""
        return await asyncio.to_thread(self._of(request.type).read, request)

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Take a resource away."""
        await asyncio.to_thread(self._of(request.type).delete, request)

    async def cancel(self) -> None:
        """End whatever is being done."""
        for resource in self._resources.values():
            resource.cancel()

    def _of(self, asked: str) -> Resource:
        kind = asked.rpartition("$")[2]  # within a component, the component's type stands before it
        if kind not in self._modules:
            raise TrivetError(
                value=kind,
                rule=f"the provider knows {', '.join(sorted(self._modules))}",
                remedy="correct the type, or update Trivet",
            )
        if kind not in self._resources:
            self._resources[kind] = importlib.import_module(self._modules[kind]).resource(self._log)
        return self._resources[kind]
