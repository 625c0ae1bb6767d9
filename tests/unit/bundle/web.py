"""A real HTTP server on the loopback interface, with the faults that downloads meet."""

from __future__ import annotations

import contextlib
import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Site:
    """What the server holds and how it misbehaves. `requests` is (path, its Range header) of each request."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    etag: str = '"one"'
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)  # bytes sent before the connection breaks, one item a request
    statuses: list[int] = field(default_factory=list)  # sent instead of the file, one item a request
    length_header: bool = True
    redirect: str = ""
    shift: int = 0  # how far off a range is served
    requests: list[tuple[str, str]] = field(default_factory=list)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what some tests are about; the client's side is what they check."""


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.site.requests.append((self.path, wanted))
        if self.site.redirect:
            self._empty(302, Location=self.site.redirect)
        elif self.site.statuses:
            self._empty(self.site.statuses.pop(0))
        elif self.path not in self.site.files:
            self._empty(404)
        else:
            self._file(self.site.files[self.path], wanted)

    def _file(self, data: bytes, wanted: str) -> None:
        start = 0
        fresh = self.headers.get("If-Range", self.site.etag) == self.site.etag
        if self.site.ranges and wanted and fresh:
            start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            if start >= len(data):
                self._empty(416, **{"Content-Range": f"bytes */{len(data)}"})
                return
            start += self.site.shift
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        body = data[start:]
        if self.site.etag:
            self.send_header("ETag", self.site.etag)
        if self.site.length_header:
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        cut = self.site.cut_after.pop(0) if self.site.cut_after else len(body)
        self.wfile.write(body[:cut])
        if cut < len(body) or not self.site.length_header:
            self.close_connection = True

    def _empty(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serve(site: Site, certificate: Path | None = None) -> Iterator[Site]:
    """Run the server for the time of the block: over TLS with a certificate and its key in one file."""
    handler = type("Handler", (_Handler,), {"site": site})
    with _Server(("127.0.0.1", 0), handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def self_signed(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key; to be trusted it is named in SSL_CERT_FILE."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1", "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", *curve, *name], check=True, capture_output=True)
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())
    return certificate
