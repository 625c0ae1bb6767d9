"""Runs functions: a web endpoint each, containers that come with the first request and go when nobody asks."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from aiohttp import web
from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import Account, App, Definition, Function, Image
from tests.fakes.modal.meter import Use

DRAIN_SECONDS = 60.0
TICK = 0.1
HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host"})


@dataclass
class Container:
    """A container that answers at `address`."""

    name: str
    address: str
    definition: str = ""
    use: Use | None = None
    in_flight: int = 0
    idle_since: float = field(default_factory=time.monotonic)


class StartError(Exception):
    """A container did not come up; the text is its last words."""


class Runner(Protocol):
    """Builds images and runs containers."""

    async def build(self, image: Image) -> None:
        """Make the image be there; sets its `reference`, or its `error`."""

    async def start(self, function: pb.Function) -> Container:
        """Start a container and wait until its port answers. May raise StartError."""

    async def stop(self, container: Container) -> None:
        """End it, gently."""

    async def close(self) -> None:
        """Remove everything that was made."""


class Fleet:
    """Every function's endpoint. `starts` counts containers, by function."""

    def __init__(self, account: Account, runner: Runner) -> None:
        self._account = account
        self._runner = runner
        self._endpoints: dict[str, Endpoint] = {}

    async def url(self, function_id: str) -> str:
        function = self._account.functions[function_id]
        endpoint = Endpoint(self._account, function, self._runner)
        self._endpoints[function_id] = endpoint
        return await endpoint.open()

    async def publish(self, app: App) -> None:
        for name, function_id in app.functions.items():
            self._endpoints[function_id].publish(app.published[name])
        for function_id, endpoint in self._endpoints.items():
            function = self._account.functions[function_id]
            if function.app_id == app.id and function_id not in app.functions.values():
                await endpoint.retire()

    async def stop(self, app: App) -> None:
        for function_id, endpoint in self._endpoints.items():
            if self._account.functions[function_id].app_id == app.id:
                await endpoint.retire()

    async def close(self) -> None:
        for endpoint in self._endpoints.values():
            await endpoint.close()
        await self._runner.close()

    def containers(self, function_id: str) -> int:
        return len(self._endpoints[function_id].containers)

    def endpoint(self, function_id: str) -> Endpoint:
        return self._endpoints[function_id]


class Endpoint:
    """One function's containers behind one address.

    Attributes:
        url: its address, once it is open.
        containers: those that may get requests, oldest first.
        started: how many there were.
    """

    def __init__(self, account: Account, function: Function, runner: Runner) -> None:
        self.url = ""
        self.containers: list[Container] = []
        self.started = 0
        self._account = account
        self._function = function
        self._runner = runner
        self._definition: Definition | None = None
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        """Listen; returns the address."""
        server = web.Application(client_max_size=1 << 30)
        server.router.add_route("*", "/{path:.*}", self._answer)
        self._client = aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None))
        self._server = web.AppRunner(server, access_log=None, shutdown_timeout=1)
        await self._server.setup()
        site = web.TCPSite(self._server, "127.0.0.1", 0)
        await site.start()
        self._spawn(self._scale())
        self.url = f"http://127.0.0.1:{self._server.addresses[0][1]}"
        return self.url

    def publish(self, definition: Definition) -> None:
        """Serve this from now on; containers of before answer until one of the new ones does."""
        self._definition = definition
        if self.containers:
            self._spawn(self._replace(definition))

    async def retire(self) -> None:
        """Serve nothing any more."""
        self._definition = None
        containers, self.containers = self.containers, []
        await asyncio.gather(*(self._stop(container) for container in containers))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.retire()
        await self._server.cleanup()
        await self._client.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self._definition is None:
            return web.Response(status=404, text="modal-http: app for invoked web endpoint is stopped")
        try:
            container = await self._lease()
        except StartError as error:
            return web.Response(status=500, text=f"modal-http: internal error: {error}")
        try:
            return await self._forward(request, container)
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=f"modal-http: {error!r}")
        finally:
            container.in_flight -= 1
            container.idle_since = time.monotonic()

    async def _forward(self, request: web.Request, container: Container) -> web.StreamResponse:
        headers = {key: value for key, value in request.headers.items() if key.lower() not in HOP}
        async with self._client.request(
            request.method,
            f"{container.address}{request.raw_path}",
            headers=headers,
            data=request.content if request.body_exists else None,  # as it comes: it may be refused before it ends
            allow_redirects=False,
        ) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for key, value in answer.headers.items():
                if key.lower() not in HOP:
                    response.headers.add(key, value)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _lease(self) -> Container:
        while True:
            definition = self._definition
            if definition is None:
                raise StartError("the app is stopped")
            limit = definition.function.max_concurrent_inputs or 1
            free = [container for container in self.containers if container.in_flight < limit]
            if free:
                container = min(free, key=lambda each: (each.definition != definition.id, each.in_flight))
                container.in_flight += 1
                return container
            most = self._account.settings(self._function).max_containers or 1000
            if len(self.containers) < most and not self._starting.locked():
                await self._start(definition)
            else:
                await asyncio.sleep(TICK)

    async def _start(self, definition: Definition) -> None:
        async with self._starting:
            app = self._account.apps[self._function.app_id]
            use = self._account.meter.begin(app.id, app.name, app.tags, definition.function)
            try:
                container = await self._runner.start(definition.function)
            except StartError:
                self._account.meter.end(use)
                raise
            container.use = use
            container.definition = definition.id
            self.started += 1
            self.containers.append(container)

    async def _replace(self, definition: Definition) -> None:
        old = list(self.containers)
        with contextlib.suppress(StartError):  # what served before goes on serving
            await self._start(definition)
            for container in old:
                await self._drain(container)

    async def _drain(self, container: Container) -> None:
        if container not in self.containers:
            return
        self.containers.remove(container)
        ticks = int(DRAIN_SECONDS / TICK)
        for _ in range(ticks):
            if not container.in_flight:
                break
            await asyncio.sleep(TICK)
        await self._stop(container)

    async def _stop(self, container: Container) -> None:
        await self._runner.stop(container)
        if container.use:
            self._account.meter.end(container.use)

    async def _scale(self) -> None:
        """End what is idle for the window, and keep as many up as were asked for."""
        while True:
            await asyncio.sleep(TICK)
            settings = self._account.settings(self._function)
            window = settings.scaledown_window or 60
            idle = [c for c in self.containers if not c.in_flight and time.monotonic() - c.idle_since > window]
            for container in idle[: max(0, len(self.containers) - settings.min_containers)]:
                await self._drain(container)
            if self._definition and len(self.containers) < settings.min_containers and not self._starting.locked():
                with contextlib.suppress(StartError):
                    await self._start(self._definition)

    def _spawn(self, work: asyncio.Future[None] | object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
