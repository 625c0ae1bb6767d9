"""The broker's door: plain HTTP, for the messages are sealed, and hold nothing that is secret."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from trivet.drivers.rented.broker import Broker
from trivet.errors import TrivetError
from trivet.idle.sealed import MOST_BYTES, ForgedError

SECONDS = 5.0  # a peer that is slower is cut
AT_A_TIME, OF_AN_ADDRESS = 32, 4  # places; who floods the door from one address leaves room for others


class _Handler(BaseHTTPRequestHandler):
    broker: Broker
    timeout = SECONDS
    server_version, sys_version = "trivet-broker", ""

    def do_POST(self) -> None:
        """Hand a message on."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"")
            return
        try:
            self._reply(HTTPStatus.OK, self.broker.answer(self.rfile.read(int(length)), self.client_address[0]))
        except ForgedError:
            self._reply(HTTPStatus.FORBIDDEN, b"")

    def _reply(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base's signature
        """The broker's audit says it."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        self._broker = handler.broker
        self._taken: Counter[str] = Counter()
        self._guard = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take a place, or hang up."""
        if self._take(client_address[0]):
            super().process_request(request, client_address)
        else:
            self._broker.turned_away()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back."""
        cut = threading.Timer(2 * SECONDS, self.shutdown_request, (request,))  # who drips is not waited for
        cut.daemon = True
        cut.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            cut.cancel()
            self._leave(client_address[0])

    def _take(self, address: str) -> bool:
        with self._guard:
            free = self._taken.total() < AT_A_TIME and self._taken[address] < OF_AN_ADDRESS
            if free:
                self._taken[address] += 1
            return free

    def _leave(self, address: str) -> None:
        with self._guard:
            self._taken[address] -= 1
            if not self._taken[address]:
                del self._taken[address]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that hangs up is nobody's error."""


@contextmanager
def listening(broker: Broker, address: str, port: int) -> Iterator[int]:
    """Serve in the background; the port that it is, where 0 was asked for.

    Raises:
        TrivetError: the address cannot be had.
    """
    handler = type("Handler", (_Handler,), {"broker": broker})
    try:
        server = _Server((address, port), handler)
    except OSError as exc:
        raise TrivetError(
            where=f"{address}:{port}",
            value=str(exc),
            rule="the broker listens on an address of this machine that nobody else has",
            remedy="name another one",
        ) from exc
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
