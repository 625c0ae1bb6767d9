"""What `trivet up` says once Pulumi is done, of servers on the wire."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bundle.web import self_signed
from tests.unit.examples import spec_with
from trivet.cli.up import say_hello
from trivet.errors import TrivetError


class Gateway(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert self.path == "/v1/chat/completions"
        assert self.headers["Authorization"] == "Bearer tvt_key"
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"choices": [{"message": {"content": f"I am {asked['model']}"}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def gateway(certificate: Path | None = None) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def outputs(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "x.key").write_text("tvt_key\n")
    return {"url": "http://127.0.0.1:1/v1", "keyFile": str(tmp_path / "x.key")}


def test_each_host_is_asked(outputs: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with gateway() as one, gateway() as two:
        say_hello(spec_with({}), {**outputs, "hosts": {"a": {"url": one}, "b": {"url": two}}})
    said = capsys.readouterr().out
    assert f"url      {one}" in said
    assert f"url      {two}" in said
    assert said.count("answered I am ") == 2


def test_a_host_that_is_its_own_authority_is_known_by_its_certificate(
    outputs: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = self_signed(tmp_path)
    authority = certificate.read_text().partition("-----BEGIN PRIVATE")[0]
    with gateway(certificate) as url:
        host = {**outputs, "url": url}
        say_hello(spec_with({}), {**host, "authority": authority})
        with pytest.raises(TrivetError, match="CERTIFICATE_VERIFY_FAILED"):
            say_hello(spec_with({}), host)
    assert "answered I am " in capsys.readouterr().out


def test_a_stack_in_a_tunnel_is_not_asked(outputs: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    say_hello(spec_with({}), outputs, is_tunnelled=True)  # nobody listens there
    printed = capsys.readouterr()
    assert f"url      {outputs['url']}" in printed.out
    assert "peers of the tunnel alone reach that" in printed.out + printed.err
