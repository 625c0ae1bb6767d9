"""A registry that gives out one image of a layout: the reading half of the OCI distribution API, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor


@contextlib.contextmanager
def serving_image(layout: Layout, entry: Descriptor, repository: str) -> Iterator[str]:
    """Serve the image; yields its reference by digest, as `127.0.0.1:40000/own/base@sha256:…`."""
    blobs = {blob.digest: blob for blob in layout.manifest(entry).blobs}
    pages = {f"/v2/{repository}/manifests/{entry.digest}": entry}
    pages |= {f"/v2/{repository}/blobs/{digest}": blob for digest, blob in blobs.items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            blob = pages.get(self.path)
            self.send_response(200 if blob or self.path == "/v2/" else 404)
            self.send_header("Content-Length", str(blob.size if blob else 0))
            if blob:
                self.send_header("Content-Type", blob.media_type)
                self.send_header("Docker-Content-Digest", blob.digest)
            self.end_headers()
            if blob:
                self.wfile.writelines(layout.stream(blob))

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}/{repository}@{entry.digest}"
        finally:
            server.shutdown()
            thread.join()
