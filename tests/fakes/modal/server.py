"""The whole fake, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from grpclib.server import Server

from modal._utils.grpc_utils import custom_detail_codec
from tests.fakes.modal.account import TOKEN, Account, App
from tests.fakes.modal.apps import Apps
from tests.fakes.modal.docker import Docker
from tests.fakes.modal.fleet import Endpoint, Fleet, Runner
from tests.fakes.modal.functions import Functions
from tests.fakes.modal.images import Images
from tests.fakes.modal.objects import Objects
from tests.fakes.modal.servicer import Servicer
from tests.fakes.modal.volumes import Volumes

T = TypeVar("T")
HOST = "127.0.0.1"


class FakeModal:
    """A workspace of nobody's. Everything that it holds lies below `root`, and goes with it."""

    def __init__(self, root: Path, *, runner: Callable[[Account], Runner] = Docker) -> None:
        self.account = Account(root)
        running = runner(self.account)
        self._fleet = Fleet(self.account, running)
        self._objects = Objects(self.account)
        images = Images(self.account, running.build)
        self.servicer = Servicer(
            (
                Apps(self.account, self._fleet),
                Functions(self.account, self._fleet),
                self._objects,
                Volumes(self.account),
                images,
                self.account.meter,
            )
        )
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on loopback."""
        for name in ("uploads", "volumes"):
            (self.account.root / name).mkdir(parents=True, exist_ok=True)
        # Its own would load a message type that Pulumi, too, brings along.
        self._server = Server([self.servicer], status_details_codec=custom_detail_codec)
        await self._server.start(HOST, port)
        self.port = self._server._server.sockets[0].getsockname()[1]
        uploads = web.Application(client_max_size=1 << 31)
        uploads.router.add_put("/{blob}", self._upload)
        self._uploads = web.AppRunner(uploads, access_log=None)
        await self._uploads.setup()
        await web.TCPSite(self._uploads, HOST, 0).start()
        self._objects.upload_url = f"http://{HOST}:{self._uploads.addresses[0][1]}"

    async def stop(self) -> None:
        """Remove every container and image, and listen no more."""
        self._server.close()
        await self._server.wait_closed()
        await self._uploads.cleanup()
        await self._fleet.close()

    @property
    def environ(self) -> dict[str, str]:
        """What leads Modal's client here, and to no configuration of a person's."""
        return {
            "MODAL_SERVER_URL": f"http://{HOST}:{self.port}",
            "MODAL_TOKEN_ID": TOKEN[0],
            "MODAL_TOKEN_SECRET": TOKEN[1],
            "MODAL_CONFIG_PATH": os.devnull,
        }

    def endpoint(self, app: App) -> Endpoint:
        """The endpoint of an app's one function."""
        (function_id,) = app.functions.values()
        return self._fleet.endpoint(function_id)

    async def _upload(self, request: web.Request) -> web.Response:
        path = self.account.uploads.get(request.match_info["blob"])
        if path is None:
            raise web.HTTPNotFound
        seen = hashlib.md5(usedforsecurity=False)
        with path.open("wb") as file:
            async for chunk in request.content.iter_chunked(1 << 20):
                file.write(chunk)
                seen.update(chunk)
        return web.Response(headers={"ETag": f'"{seen.hexdigest()}"'})  # the client compares it


@contextlib.contextmanager
def running(fake: FakeModal, *, port: int = 0) -> Iterator[FakeModal]:
    """The fake in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(300)

    try:
        do(fake.start(port))
        try:
            yield fake
        finally:
            do(fake.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
