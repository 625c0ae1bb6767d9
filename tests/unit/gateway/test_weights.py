"""Weights on a cluster: from a registry by digest, verified, taken up where they were cut off."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.image_registry import serving_images
from trivet.bundle.layout import Layout
from trivet.bundle.oci import MANIFEST, Descriptor
from trivet_gateway.weights import WeightsError
from trivet_gateway.weights.__main__ import main
from trivet_gateway.weights.fetch import FILE_PATH, fetch_weights
from trivet_gateway.weights.registry import Artifact, Repository

FILES = {"model-1.safetensors": b"weights" * 5000, "config.json": b"{}", "empty.txt": b""}
PATH = "trivet/model/small"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "registry")


def stored(layout: Layout, files: dict[str, bytes], **more: Any) -> Descriptor:
    layers = [
        layout.put_bytes(data, "application/vnd.cncf.model.weight.v1.raw").model_copy(
            update={"annotations": {FILE_PATH: name}}
        )
        for name, data in files.items()
    ]
    config = layout.put_bytes(b"{}", "application/vnd.cncf.model.config.v1+json")
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": json.loads(config.dump()),
        "layers": [json.loads(layer.dump()) for layer in layers],
        **more,
    }
    return layout.put_bytes(json.dumps(document).encode(), MANIFEST)


@contextlib.contextmanager
def served(layout: Layout, entry: Descriptor) -> Iterator[str]:
    with serving_images(layout, {PATH: entry}) as host:
        yield f"{host}/{PATH}@{entry.digest}"


def fetched(reference: str, into: Path) -> dict[str, bytes]:
    artifact = Artifact.parse(reference)
    fetch_weights(Repository(artifact), artifact, into)
    return {path.name: path.read_bytes() for path in into.iterdir()}


def draft(layout: Layout, name: str) -> str:
    digest = layout.put_bytes(FILES[name], "x").digest.removeprefix("sha256:")
    return f".{digest}.partial"


def test_every_file_of_a_model_arrives(layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(layout, stored(layout, FILES)) as reference:
        assert main([reference, "--into", str(tmp_path / "models")]) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()} == FILES
    assert "3 files" in capsys.readouterr().out


def test_what_is_there_is_hashed_and_not_fetched(layout: Layout, tmp_path: Path) -> None:
    entry = stored(layout, FILES)
    with served(layout, entry) as reference:
        fetched(reference, tmp_path / "models")
    for data in FILES.values():
        layout.path(layout.put_bytes(data, "x")).unlink()
    with served(layout, entry) as reference:
        assert fetched(reference, tmp_path / "models") == FILES


def test_a_file_that_was_cut_off_goes_on_from_there(layout: Layout, tmp_path: Path) -> None:
    name, into = "model-1.safetensors", tmp_path / "models"
    into.mkdir()
    (into / draft(layout, name)).write_bytes(FILES[name][:12345])
    with served(layout, stored(layout, FILES)) as reference:
        assert fetched(reference, into) == FILES


@pytest.mark.parametrize("harm", ["longer", "other"])
def test_what_was_harmed_is_fetched_anew(layout: Layout, tmp_path: Path, harm: str) -> None:
    name, into = "model-1.safetensors", tmp_path / "models"
    with served(layout, stored(layout, FILES)) as reference:
        fetched(reference, into)
        data = FILES[name]
        (into / name).write_bytes(data + b"!" if harm == "longer" else b"!" + data[1:])
        assert fetched(reference, into) == FILES


def test_a_wrong_beginning_is_refused_once_and_then_forgotten(layout: Layout, tmp_path: Path) -> None:
    name, into = "model-1.safetensors", tmp_path / "models"
    into.mkdir()
    (into / draft(layout, name)).write_bytes(b"!" * 100)
    with served(layout, stored(layout, FILES)) as reference:
        with pytest.raises(WeightsError, match="do not use these weights"):
            fetched(reference, into)
        assert not (into / name).exists()
        assert fetched(reference, into) == FILES


def test_another_manifest_than_the_named_one_is_refused(layout: Layout, tmp_path: Path) -> None:
    named, given = stored(layout, FILES), stored(layout, {"other": b"x"})
    pages = {f"/v2/{PATH}/manifests/{named.digest}": layout.read(given)}
    with answering(pages) as host, pytest.raises(WeightsError, match=given.digest):
        fetched(f"{host}/{PATH}@{named.digest}", tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "/etc/passwd"])
def test_a_name_that_leads_elsewhere_is_refused(layout: Layout, tmp_path: Path, name: str) -> None:
    with served(layout, stored(layout, {name: b"x"})) as reference, pytest.raises(WeightsError, match="plain names"):
        fetched(reference, tmp_path / "models")
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("layers", [[], None, [{"digest": "sha256:0"}]])
def test_what_is_no_model_is_refused(layout: Layout, tmp_path: Path, layers: object) -> None:
    entry = layout.put_bytes(json.dumps({"schemaVersion": 2, "layers": layers}).encode(), MANIFEST)
    with answering({f"/v2/{PATH}/manifests/{entry.digest}": layout.read(entry)}) as host, pytest.raises(WeightsError):
        fetched(f"{host}/{PATH}@{entry.digest}", tmp_path / "models")


def test_room_is_asked_for_first(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 9))  # type: ignore[attr-defined]
    with served(layout, stored(layout, FILES)) as reference, pytest.raises(WeightsError, match="more room"):
        fetched(reference, tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_what_the_registry_has_not_is_said(layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving_images(layout, {}) as host:
        assert main([f"{host}/{PATH}@sha256:{'0' * 64}", "--into", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "404" in error
    assert "remedy:" in error


def test_a_registry_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"registry\.networks"):
        fetched(f"127.0.0.1:1/{PATH}@sha256:{'0' * 64}", tmp_path)


@pytest.mark.parametrize("reference", ["small", f"host/{PATH}:latest", f"https://host/{PATH}@sha256:{'0' * 64}"])
def test_an_artifact_is_named_by_digest(reference: str) -> None:
    with pytest.raises(WeightsError, match="by digest"):
        Artifact.parse(reference)


def test_a_token_is_fetched_where_the_registry_says_and_again_when_it_has_run_out(
    layout: Layout, tmp_path: Path
) -> None:
    entry = stored(layout, FILES)
    pages = {f"/v2/{PATH}/manifests/{entry.digest}": layout.read(entry)}
    pages |= {f"/v2/{PATH}/blobs/{layer.digest}": layout.read(layer) for layer in layout.manifest(entry).layers}
    file = tmp_path / "auth.json"
    with answering(pages, token_uses=2) as host:
        file.write_text(json.dumps({"auths": {host: {"username": "officer", "password": "s:ecret"}}}))
        artifact = Artifact.parse(f"{host}/{PATH}@{entry.digest}")
        fetch_weights(Repository(artifact, credentials=file), artifact, tmp_path / "models")
    assert {path.name: path.read_bytes() for path in (tmp_path / "models").iterdir()} == FILES


@contextlib.contextmanager
def answering(pages: dict[str, bytes], *, token_uses: int = 0) -> Iterator[str]:
    """A registry of fixed answers; with `token_uses`, behind tokens that hold so many times."""
    tokens: dict[str, int] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            given = self.headers.get("Authorization", "")
            if path == "/token":
                asked = query == "service=here&scope=repository%3Atrivet%3Apull"
                right = asked and given == "Basic b2ZmaWNlcjpzOmVjcmV0"
                tokens[f"Bearer t{len(tokens)}"] = token_uses
                self._send(200 if right else 403, json.dumps({"token": f"t{len(tokens) - 1}"}).encode())
            elif token_uses and not tokens.get(given):
                self.send_response(401)
                where = f"http://{self.headers['Host']}/token"
                self.send_header(
                    "WWW-Authenticate", f'Bearer realm="{where}",service="here",scope="repository:trivet:pull"'
                )
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                tokens[given] = tokens.get(given, 1) - 1
                self._send(200 if path in pages else 404, pages.get(path, b""))

        def _send(self, status: int, data: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
