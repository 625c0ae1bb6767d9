"""Docker's HTTP API on a unix socket, as far as the watchdog asks: containers by name, and their restart."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class FakeDocker:
    """Containers by name, each with the process that it says it is, and how often each was restarted."""

    pids: dict[str, int]
    status: str = "running"
    restarts: dict[str, int] = field(default_factory=dict)

    def container(self, name: str) -> dict[str, Any]:
        started = f"2026-01-01T00:00:{self.restarts.get(name, 0):02}Z"
        running = self.status == "running"
        return {
            "Id": f"id-of-{name}",
            "State": {"Status": self.status, "StartedAt": started, "Pid": self.pids[name]},
            "NetworkSettings": {"Networks": {"models": {"IPAddress": "127.0.0.1" if running else ""}}},
        }

    def answer(self, method: str, target: str) -> tuple[int, Any]:
        url = urlsplit(target)
        match (method, *url.path.strip("/").split("/")):
            case ("GET", "containers", name, "json") if name in self.pids:
                return 200, self.container(name)
            case ("POST", "containers", id_, "restart") if id_.removeprefix("id-of-") in self.pids:
                if not parse_qs(url.query).get("t", ["?"])[0].isdigit():
                    return 400, {"message": "t is a number of seconds"}
                name = id_.removeprefix("id-of-")
                self.restarts[name] = self.restarts.get(name, 0) + 1
                return 204, None
            case ("GET" | "POST", "containers", name, _):
                return 404, {"message": f"No such container: {name}"}
        return 404, {"message": "page not found"}


@contextmanager
def docker_socket(fake: FakeDocker, path: Path) -> Iterator[str]:
    """Serve it there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            self.reply()

        def reply(self) -> None:
            status, body = fake.answer(self.command, self.path)
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            pass

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield str(path)
        finally:
            server.shutdown()
            thread.join()
