"""The store gives back what was put in, or an error; what is broken is never taken for whole."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundle.stores import put_image, store, tree
from trivet.bundle.layout import DOCUMENT_LIMIT, Layout
from trivet.bundle.oci import LAYER, Descriptor
from trivet.errors import HostError, IntegrityError
from trivet.spec.digest import sha256_digest

images = st.lists(st.lists(st.binary(max_size=300), max_size=4), min_size=1, max_size=4)


@settings(max_examples=15)
@given(images)
def test_random_images_survive_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, images: list[list[bytes]]
) -> None:
    root = tmp_path_factory.mktemp("store")
    layout = Layout.create(root)
    for number, layers in enumerate(images):
        put_image(layout, f"image/{number}", layers)
    again = Layout(root)
    again.verify()
    for number, layers in enumerate(images):
        entry = again.find(f"image/{number}")
        assert entry is not None
        assert [b"".join(again.stream(layer)) for layer in again.manifest(entry).layers] == layers
    assert again.sweep(grace=-1) == 0


def test_creating_a_store_twice_changes_nothing(tmp_path: Path) -> None:
    store(tmp_path)
    before = tree(tmp_path)
    Layout.create(tmp_path)
    assert tree(tmp_path) == before


def test_the_same_content_makes_the_same_store_bytes(tmp_path: Path) -> None:
    store(tmp_path / "one")
    store(tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="trivet build"):
        Layout(tmp_path)


def layer_of(layout: Layout) -> Descriptor:
    entry = layout.find("image/llama")
    assert entry is not None
    return layout.manifest(entry).layers[0]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def extend(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


CORRUPTIONS: list[tuple[Callable[[Path], None], str]] = [
    (flip, "has digest"),
    (truncate, "has 19999 bytes"),
    (extend, "has 20001 bytes"),
    (Path.unlink, "is missing"),
]


@pytest.mark.parametrize(("corrupt", "message"), CORRUPTIONS)
def test_a_corrupted_blob_is_refused(tmp_path: Path, corrupt: Callable[[Path], None], message: str) -> None:
    layout = store(tmp_path)
    layout.verify()
    corrupt(layout.path(layer_of(layout)))
    for check in (layout.verify, lambda: layout.verify("image/llama"), lambda: list(layout.stream(layer_of(layout)))):
        with pytest.raises(IntegrityError, match=message):
            check()


@settings(max_examples=25)
@given(data=st.data())
def test_any_one_flipped_bit_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    layout = store(tmp_path_factory.mktemp("store"))
    blobs = sorted((layout.root / "blobs" / "sha256").iterdir())
    path = data.draw(st.sampled_from(blobs))
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(min_value=0, max_value=8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    with pytest.raises(IntegrityError):
        layout.verify()


def test_a_corrupted_manifest_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    layout = store(tmp_path)
    entry = layout.find("image/llama")
    assert entry is not None
    flip(layout.path(entry))
    with pytest.raises(IntegrityError, match="has digest"):
        layout.manifest(entry)


def test_an_oversize_document_is_refused_before_it_is_read(tmp_path: Path) -> None:
    layout = store(tmp_path)
    entry = layout.find("image/llama")
    assert entry is not None
    with pytest.raises(IntegrityError, match="at most"):
        layout.read(entry.model_copy(update={"size": DOCUMENT_LIMIT + 1}))


@pytest.mark.parametrize("what", ["image/absent", ""])
def test_what_the_index_does_not_name_is_refused(tmp_path: Path, what: str) -> None:
    with pytest.raises(IntegrityError, match="trivet build"):
        store(tmp_path).verify(what)


def test_an_entry_is_found_by_its_digest_or_refused(tmp_path: Path) -> None:
    layout = store(tmp_path)
    entry = layout.find("image/llama")
    assert entry is not None
    assert layout.entry(entry.digest) == entry
    with pytest.raises(IntegrityError, match="sha256:"):
        layout.entry(sha256_digest(b"something else"))


def test_a_blob_that_is_not_the_expected_one_is_not_stored(tmp_path: Path) -> None:
    layout = store(tmp_path)
    before = tree(tmp_path)
    expected = Descriptor(media_type=LAYER, digest=sha256_digest(b"good"), size=4)
    with pytest.raises(IntegrityError, match="came with 4 bytes"):
        layout.put([b"evil"], LAYER, expected=expected)
    assert tree(tmp_path) == before
    assert layout.put([b"go", b"od"], LAYER, expected=expected) == expected


class SourceError(Exception):
    """The source of a blob breaks off."""


def test_a_source_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    layout = store(tmp_path)
    before = tree(tmp_path)

    def broken() -> Iterator[bytes]:
        yield b"half"
        raise SourceError

    with pytest.raises(SourceError):
        layout.put(broken(), LAYER)
    assert tree(tmp_path) == before


def test_a_full_disk_is_said_plainly_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = store(tmp_path)
    before = tree(tmp_path)
    draft = tmp_path / ".ingest-draft"
    draft.symlink_to("/dev/full")  # the kernel answers each write with ENOSPC
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (os.open(os.devnull, os.O_RDONLY), str(draft)))
    with pytest.raises(HostError, match="free space"):
        layout.put_bytes(b"x" * 100_000, LAYER)
    assert tree(tmp_path) == before


def test_a_file_is_stored_as_it_is(tmp_path: Path) -> None:
    layout = store(tmp_path / "store")
    content = os.urandom(3 << 20)
    (tmp_path / "weights").write_bytes(content)
    blob = layout.put_file(tmp_path / "weights", "application/octet-stream")
    assert (blob.size, blob.digest) == (len(content), sha256_digest(content))
    assert layout.path(blob).read_bytes() == content


def test_blobs_are_readable_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        layout = store(tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o644}
    layout.verify()


def test_adopting_moves_a_good_blob_and_refuses_a_bad_one(tmp_path: Path) -> None:
    source, target = store(tmp_path / "source"), Layout.create(tmp_path / "target")
    good = layer_of(source)
    other = source.put_bytes(b"other", LAYER)
    target.adopt(source, good)
    assert b"".join(target.stream(good)) == b"base" * 5000
    assert not source.path(good).exists()
    flip(source.path(other))
    with pytest.raises(IntegrityError, match="has digest"):
        target.adopt(source, other)
    assert not target.path(other).exists()


def test_adopting_from_another_disk_copies(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm") / f"trivet-test-{os.getpid()}"
    try:
        source = store(elsewhere)
        target = Layout.create(tmp_path)
        target.adopt(source, layer_of(source))
        assert b"".join(target.stream(layer_of(source))) == b"base" * 5000
    finally:
        for path in sorted(elsewhere.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        elsewhere.rmdir()


def test_naming_again_replaces_and_sweeping_frees_what_nothing_needs(tmp_path: Path) -> None:
    layout = store(tmp_path)
    put_image(layout, "image/llama", (b"base" * 5000, b"newer"))
    assert len(layout.index().manifests) == 1
    assert layout.sweep() == 0, "another process may just have put these"
    assert layout.sweep(grace=-1) > 0
    layout.verify()
    assert sha256_digest(b"top").removeprefix("sha256:") not in {path.name for path in tmp_path.rglob("*")}


def test_forgetting_one_keeps_the_others(tmp_path: Path) -> None:
    layout = store(tmp_path)
    put_image(layout, "image/gateway", (b"base" * 5000,))
    layout.forget("image/llama")
    layout.sweep(grace=-1)
    layout.verify()
    assert [entry.ref for entry in layout.index().manifests] == ["image/gateway"]


def test_sweeping_removes_what_a_killed_writer_left(tmp_path: Path) -> None:
    layout = store(tmp_path)
    (tmp_path / ".ingest-killed").write_bytes(b"half")
    assert layout.sweep(grace=-1) == 4
    assert not (tmp_path / ".ingest-killed").exists()


def test_writers_at_once_lose_no_name(tmp_path: Path) -> None:
    Layout.create(tmp_path)
    threads = [
        threading.Thread(target=lambda n=n: put_image(Layout(tmp_path), f"image/{n}", (bytes([n]),))) for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Layout(tmp_path).index().manifests) == 16
    Layout(tmp_path).verify()
