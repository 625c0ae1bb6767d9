"""The image of a managed endpoint: the root as it is, the others moved, and nothing that the lock does not say."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bundle.bundles import seed, tar_layer
from tests.unit.examples import spec_with
from trivet.bundle.endpoint_image import endpoint_image
from trivet.bundle.layout import Layout
from trivet.bundle.oci import Manifest
from trivet.errors import IntegrityError
from trivet.render.node_plan import node_image
from trivet.spec import Lock

SPEC = spec_with({})


def made(folder: Path, **layers: bytes) -> tuple[Layout, Lock]:
    """A store whose images have one layer each."""
    names = {"gateway": tar_layer("opt/trivet/x"), "llama": tar_layer("usr/bin/llama-server"), **layers}
    sown = seed(folder / "store", images={name: (layer,) for name, layer in names.items()})
    return sown.store, sown.contents.lock


def read(store: Layout, lock: Lock) -> tuple[Manifest, dict[str, Any]]:
    manifest = store.manifest(endpoint_image(store, node_image(SPEC), lock))
    return manifest, json.loads(store.read(manifest.config))


def test_the_gateway_is_the_root_and_the_runtime_lies_below_srv(tmp_path: Path) -> None:
    store, lock = made(tmp_path)
    manifest, config = read(store, lock)
    root = store.manifest(store.entry(lock.images["gateway"].manifest))
    assert manifest.layers[0] == root.layers[0]
    with tarfile.open(store.path(manifest.layers[1])) as layer:
        assert layer.getnames() == ["srv/llama/usr/bin/llama-server"]
    assert config["rootfs"]["diff_ids"] == [layer.digest for layer in manifest.layers]


def test_it_starts_the_node_as_nobody_whatever_word_follows(tmp_path: Path) -> None:
    _, config = read(*made(tmp_path))
    assert config["config"] == {
        "Entrypoint": ["/usr/bin/python3", "-m", "trivet_gateway.node"],
        "Env": [],
        "ExposedPorts": {"8080/tcp": {}},
        "User": "65532:65532",
    }


def test_the_same_lock_gives_the_same_image_and_another_lock_another_one(tmp_path: Path) -> None:
    first = endpoint_image(*_with_image(made(tmp_path / "a")))
    again = endpoint_image(*_with_image(made(tmp_path / "b")))
    other = endpoint_image(*_with_image(made(tmp_path / "c", llama=tar_layer("usr/bin/other"))))
    assert first.digest == again.digest != other.digest


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    store, lock = made(tmp_path)
    endpoint_image(store, node_image(SPEC), lock)
    before = sorted((store.root / "blobs" / "sha256").iterdir())
    for path in before:
        path.chmod(0o444)
    entry = endpoint_image(store, node_image(SPEC), lock)
    assert store.find("image/endpoint") == entry
    assert sorted((store.root / "blobs" / "sha256").iterdir()) == before


def test_a_layer_that_is_not_what_the_lock_promises_is_refused_and_nothing_is_made_of_it(tmp_path: Path) -> None:
    store, lock = made(tmp_path)
    (layer,) = store.manifest(store.entry(lock.images["llama"].manifest)).layers
    path = store.path(layer)
    path.write_bytes(path.read_bytes().replace(b"usr/bin/llama-server", b"usr/bin/tampered-one"))
    with pytest.raises(IntegrityError, match="has digest"):
        endpoint_image(store, node_image(SPEC), lock)
    assert store.find("image/endpoint") is None


def _with_image(sown: tuple[Layout, Lock]) -> tuple[Layout, Any, Lock]:
    store, lock = sown
    return store, node_image(SPEC), lock
