"""A registry that gives out images of a layout: the reading half of the OCI distribution API, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor


@contextlib.contextmanager
def serving_image(layout: Layout, entry: Descriptor, repository: str) -> Iterator[str]:
    """Serve the image; yields its reference by digest, as `127.0.0.1:40000/own/base@sha256:…`."""
    with serving_images(layout, {repository: entry}) as host:
        yield f"{host}/{repository}@{entry.digest}"


@contextlib.contextmanager
def serving_images(layout: Layout, images: Mapping[str, Descriptor], *, port: int = 0) -> Iterator[str]:
    """Serve images by repository; yields the registry, as `127.0.0.1:40000`."""
    pages: dict[str, Descriptor] = {}
    for repository, entry in images.items():
        pages[f"/v2/{repository}/manifests/{entry.digest}"] = entry
        pages |= {f"/v2/{repository}/blobs/{blob.digest}": blob for blob in layout.manifest(entry).blobs}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self, *, start: int = 0) -> Descriptor | None:
            blob = pages.get(self.path)
            self.send_response((206 if start else 200) if blob or self.path == "/v2/" else 404)
            self.send_header("Content-Length", str(blob.size - start if blob else 0))
            if blob:
                self.send_header("Content-Type", blob.media_type)
                self.send_header("Docker-Content-Digest", blob.digest)
            self.end_headers()
            return blob

        def do_GET(self) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            if blob := self.do_HEAD(start=start):
                self.wfile.write(b"".join(layout.stream(blob))[start:])

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
