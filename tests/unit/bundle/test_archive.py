"""The archive that `docker load` reads is whole, canonical and checked on the way."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundle.stores import put_image, store
from trivet.bundle.archive import docker_archive
from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor
from trivet.errors import IntegrityError
from trivet.spec.digest import sha256_digest

REFERENCE = "trivet/llama:0123456789ab"


def image(layout: Layout) -> Descriptor:
    entry = layout.find("image/llama")
    assert entry is not None
    return entry


def unpack(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member))}


@settings(max_examples=15)
@given(st.lists(st.binary(max_size=2000), max_size=4))
def test_every_blob_is_in_the_archive_under_its_digest(
    tmp_path_factory: pytest.TempPathFactory, layers: list[bytes]
) -> None:
    layout = Layout.create(tmp_path_factory.mktemp("store"))
    entry = put_image(layout, "image/llama", layers)
    files = unpack(b"".join(docker_archive(layout, entry.digest, REFERENCE)))
    (docker,) = json.loads(files["manifest.json"])
    assert docker["RepoTags"] == [REFERENCE]
    assert [files[name] for name in docker["Layers"]] == layers
    assert json.loads(files[docker["Config"]])["rootfs"]["diff_ids"] == [sha256_digest(layer) for layer in layers]
    for name, content in files.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/{sha256_digest(content).replace(':', '/')}"


def test_the_first_layers_may_be_left_out_but_never_one_that_is_needed_again(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    layers = [b"base", b"again", b"again", b"top"]
    entry = put_image(layout, "image/llama", layers)
    for without, there in ((1, {b"again", b"top"}), (2, {b"again", b"top"}), (3, {b"top"}), (4, set())):
        files = unpack(b"".join(docker_archive(layout, entry.digest, REFERENCE, without=without)))
        (docker,) = json.loads(files["manifest.json"])
        assert len(docker["Layers"]) == len(layers)
        assert {files[name] for name in docker["Layers"] if name in files} == there


def test_the_archive_is_an_oci_layout_too(tmp_path: Path) -> None:
    layout = store(tmp_path / "store")
    with tarfile.open(fileobj=io.BytesIO(b"".join(docker_archive(layout, image(layout).digest, REFERENCE)))) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    unpacked = Layout(tmp_path / "unpacked")
    unpacked.verify()
    (entry,) = unpacked.index().manifests
    assert entry.digest == image(layout).digest
    assert entry.annotations == {
        "io.containerd.image.name": f"docker.io/{REFERENCE}",
        "org.opencontainers.image.ref.name": "0123456789ab",
    }


def test_the_archive_of_an_image_is_always_the_same(tmp_path: Path) -> None:
    one, two = store(tmp_path / "one"), store(tmp_path / "two")
    assert list(docker_archive(one, image(one).digest, REFERENCE)) == list(
        docker_archive(two, image(two).digest, REFERENCE)
    )


def test_a_corrupted_layer_cuts_the_archive_short(tmp_path: Path) -> None:
    layout = store(tmp_path)
    path = layout.path(layout.manifest(image(layout)).layers[0])
    path.write_bytes(b"evil" + path.read_bytes()[4:])
    taken = io.BytesIO()
    with pytest.raises(IntegrityError, match="has digest"):
        taken.writelines(docker_archive(layout, image(layout).digest, REFERENCE))
    assert not taken.getvalue().endswith(bytes(1024))


def test_an_image_that_the_store_lacks_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="the store holds what is asked of it"):
        next(docker_archive(store(tmp_path), sha256_digest(b"other"), REFERENCE))


def test_a_layer_of_more_than_8_gib_fits_its_header(tmp_path: Path) -> None:
    layout = store(tmp_path)
    manifest = layout.manifest(image(layout))
    size = 9 << 30
    with (tmp_path / "blobs" / "sha256" / ("0" * 64)).open("wb") as file:
        file.truncate(size)
    large = manifest.layers[0].model_copy(update={"digest": "sha256:" + "0" * 64, "size": size})
    entry = layout.name(
        "image/large",
        layout.put_bytes(manifest.model_copy(update={"layers": (large,)}).dump(), image(layout).media_type),
    )
    headers = (chunk for chunk in docker_archive(layout, entry.digest, REFERENCE) if b"0" * 64 in chunk[:100])
    assert tarfile.TarInfo.frombuf(next(headers), "utf-8", "strict").size == size


def test_memory_stays_constant_whatever_the_size_of_a_layer(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    entry = put_image(layout, "image/llama", (bytes(48 << 20),))
    tracemalloc.start()
    for _ in docker_archive(layout, entry.digest, REFERENCE):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 << 20
