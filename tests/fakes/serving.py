"""A real HTTP server for an ASGI application, on a free port of the loopback interface, in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

import uvicorn

PATIENCE_SECONDS = 10.0


@contextlib.contextmanager
def serving(
    app: Any, *, lifespan: Literal["on", "off"] = "off", address: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """The URL of the server, without a closing slash."""
    # With its protocol named, as asyncio sets TCP_NODELAY on no other socket.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        server = uvicorn.Server(
            uvicorn.Config(app, lifespan=lifespan, log_level="warning", timeout_graceful_shutdown=1, access_log=False)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not server.started:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.005)
            yield f"http://{address}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)
