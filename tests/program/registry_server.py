"""A real registry, the one that Debian packages, on loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from trivet.bundle.push import Destination

PROGRAM = "docker-registry"
# The password is s:ecret; bcrypt, since the registry takes nothing else, and of the least cost.
ACCOUNT = "officer:$2b$04$dsn6is7/R9k7oK3K30jC0.WzhJKHL04Lt2ElzV4egP/E7V7eivlYC\n"


class Server:
    """A registry process; it may be killed and started again over the same storage."""

    def __init__(self, root: Path, *, guarded: bool) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        self.destination = Destination.parse(f"http://{self.host}/trivet")
        (root / "accounts").write_text(ACCOUNT)
        config = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(root / "storage")}},
            "http": {"addr": self.host, "secret": "uploads go on after a restart"},
        }
        if guarded:
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(root / "accounts")}}
        self._config = root / "config.yml"
        self._config.write_text(json.dumps(config))
        self._log = root / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "serve", str(self._config)], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://{self.host}/v2/")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        pytest.fail(f"{PROGRAM} does not answer: {self._log.read_text()}")

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"http://{self.host}{path}", headers=headers)


def served(root: Path, *, guarded: bool) -> Iterator[Server]:
    root.mkdir()
    server = Server(root, guarded=guarded)
    server.start()
    yield server
    server.kill()
