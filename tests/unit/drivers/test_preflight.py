"""Everything that can be refused is refused before anything is changed: each rule with a passing and a failing case."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.fakes.engine_host import Answer, EngineHost, container
from tests.unit.bundle.stores import tree
from tests.unit.drivers.installations import STACK, site
from trivet.drivers.bundle import Site, install
from trivet.drivers.bundle.preflight import preflight, require_store
from trivet.errors import EngineError, HostError, IntegrityError, TrivetError
from trivet.render import paths
from trivet.spec.bundle import SignedBundle

HEAD = "Filesystem 1024-blocks Used Available Capacity Mounted on\n"


def assert_refused(where: Site, error: type[TrivetError], words: str) -> None:
    """It ends with that error, and neither a file nor the engine was touched."""
    root = Path(where.installation.root).parent
    before = tree(root)
    with pytest.raises(error, match=words):
        install(where, None)
    assert tree(root) == before
    assert isinstance(where.host, EngineHost)
    assert where.host.changing == []


def test_what_is_missing_is_what_will_travel(tmp_path: Path) -> None:
    ready = preflight(site(tmp_path, EngineHost()))
    assert set(ready.images) == {"gateway", "llama"}
    assert len(ready.files) == len(site(tmp_path, EngineHost()).installation.models)


def test_what_is_there_does_not_travel_and_is_not_read_again(tmp_path: Path) -> None:
    where = site(tmp_path, EngineHost())
    for model in where.installation.models.values():
        for file in model.files:
            blob = Path(where.installation.store) / "blobs" / "sha256" / file.digest.removeprefix("sha256:")
            where.host.put(blob, where.path(paths.model_file(file.digest)), digest=file.digest, size=file.size)
            blob.write_bytes(b"no longer looked at")
    there = [{"Id": image.config, "RepoTags": [image.reference]} for image in where.installation.images.values()]
    host = EngineHost(answers={("docker", "image", "inspect"): Answer(json.dumps(there))})
    ready = preflight(Site(installation=where.installation, host=host, report=print))
    assert (ready.images, ready.files) == ({}, [])


def test_a_store_is_told_from_a_stale_one_before_there_is_a_host(tmp_path: Path) -> None:
    installation = site(tmp_path, EngineHost()).installation
    require_store(installation)
    name, image = next(iter(installation.images.items()))
    stale = image.model_copy(update={"manifest": f"sha256:{'0' * 64}"})
    newer = installation.model_copy(update={"images": {**installation.images, name: stale}})
    with pytest.raises(IntegrityError, match=f"image/{name}"):
        require_store(newer)
    signed = SignedBundle.model_validate({"path": "bundle", "trust": "keys"})
    require_store(newer.model_copy(update={"bundle": signed}))  # which will fill it


def test_no_engine_is_refused(tmp_path: Path) -> None:
    host = EngineHost(answers={("docker", "info"): Answer("{}", "Cannot connect to the Docker daemon", 1)})
    assert_refused(site(tmp_path, host), EngineError, "Cannot connect")


def test_no_compose_is_refused(tmp_path: Path) -> None:
    host = EngineHost(
        answers={("docker", "compose", "version"): Answer(code=1), ("docker-compose", "version"): Answer(code=127)}
    )
    assert_refused(site(tmp_path, host), EngineError, "neither `docker compose` nor `docker-compose`")


def test_a_busy_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert_refused(site(tmp_path, EngineHost(), port=port), HostError, f"127.0.0.1:{port}: another program")


@pytest.mark.parametrize("states", [["running"], ["restarting"], ["created", "created", "running"]])
def test_a_port_that_our_own_gateway_holds_or_is_about_to_say_so_is_not_busy(tmp_path: Path, states: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        preflight(site(tmp_path, gateway_on(port, states), port=port))


@pytest.mark.parametrize("state", ["created", "exited"])
def test_a_port_that_another_program_took_from_our_gateway_is_busy(
    tmp_path: Path, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivet.drivers.bundle.preflight.STARTING_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert_refused(site(tmp_path, gateway_on(port, [state]), port=port), HostError, "another program")


def gateway_on(port: int, states: list[str]) -> EngineHost:
    """An engine with our gateway, which is in one state after the other."""
    ports = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    seen = iter(states)

    def inspect() -> Answer:
        state = next(seen, states[-1])
        return Answer(json.dumps([container(f"trivet-{STACK}-gateway-1", ports=ports, state=state)]))

    return EngineHost(answers={("docker", "container", "inspect"): inspect})


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    host = EngineHost(answers={("df",): Answer(f"{HEAD}tmpfs 100 99 1 99% /full\n")})
    assert_refused(site(tmp_path, host), HostError, "MiB are needed for images and models")


def test_a_store_without_what_the_lock_pins_is_refused(tmp_path: Path) -> None:
    where = site(tmp_path, EngineHost())
    where.store().forget("image/llama")
    assert_refused(where, IntegrityError, "the store holds what the lock pins")


def test_a_store_that_was_built_anew_since_is_refused(tmp_path: Path) -> None:
    where = site(tmp_path, EngineHost())
    store = where.store()
    other = store.find("image/gateway")
    assert other is not None
    store.name("image/llama", other)
    assert_refused(where, IntegrityError, "run `trivet build`")


@pytest.mark.parametrize("ref", ["image/llama", "model/all-minilm-l6-v2"])
def test_a_corrupt_blob_is_refused(tmp_path: Path, ref: str) -> None:
    where = site(tmp_path, EngineHost())
    store = where.store()
    entry = store.find(ref)
    assert entry is not None
    blob = store.path(store.manifest(entry).layers[0])
    data = blob.read_bytes()
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert_refused(where, IntegrityError, blob.name)
