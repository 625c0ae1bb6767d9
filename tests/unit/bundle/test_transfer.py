"""Copying: verified, continued after a cut, never trusted for what lay there before."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivet.bundle import hashing, sink
from trivet.bundle.extent import Extent, Extents, cut, in_memory, read_extents
from trivet.bundle.hashing import digests, hash_blobs
from trivet.bundle.oci import LAYER, Descriptor
from trivet.bundle.progress import SILENT, Silent
from trivet.bundle.refusals import DigestError, LengthError, MissingFileError, UnexpectedFileError
from trivet.bundle.transfer import Copy, Done, copy_blobs, require_space
from trivet.errors import HostError
from trivet.spec.digest import sha256_digest

pytestmark = pytest.mark.usefixtures("impatient")


class Cut(BaseException):
    """The run ends here, as if the process had been killed."""


class CutAfter(Silent):
    """Cuts a run after some bytes."""

    def __init__(self, count: int) -> None:
        self._left = count

    def advance(self, count: int) -> None:
        self._left -= count
        if self._left <= 0:
            raise Cut


class Counting(Silent):
    """Adds up the bytes it hears of."""

    def __init__(self) -> None:
        self.total = 0

    def advance(self, count: int) -> None:
        self.total += count


def aligned(length: int, size: int) -> int:
    """How much of a draft is kept: up to the last whole block, if it is not whole itself."""
    return length if length == size else length // 4096 * 4096


def blob_of(data: bytes) -> Descriptor:
    return Descriptor(media_type=LAYER, digest=sha256_digest(data), size=len(data))


def file_of(path: Path, data: bytes) -> Extents:
    path.write_bytes(data)
    return (Extent(path, 0, len(data)),)


@pytest.fixture(autouse=True)
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small blob is several buffers long."""
    monkeypatch.setattr(sink, "BUFFER", 4096)
    monkeypatch.setattr(hashing, "BUFFER", 700)


def test_a_copy_has_the_bytes_and_one_mode_whatever_the_umask(tmp_path: Path) -> None:
    data = os.urandom(10_001)
    old = os.umask(0o077)
    try:
        done = copy_blobs([Copy(blob_of(data), file_of(tmp_path / "a", data), tmp_path / "b")], SILENT)
    finally:
        os.umask(old)
    assert (tmp_path / "b").read_bytes() == data
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o644
    assert done == Done(copied=10_001, kept=0)


def test_an_empty_blob_is_copied(tmp_path: Path) -> None:
    copy_blobs([Copy(blob_of(b""), file_of(tmp_path / "a", b""), tmp_path / "b")], SILENT)
    assert (tmp_path / "b").read_bytes() == b""


def test_a_source_with_other_bytes_is_refused_and_named(tmp_path: Path) -> None:
    data = os.urandom(3000)
    with pytest.raises(DigestError, match=str(tmp_path / "a")):
        copy_blobs([Copy(blob_of(data), file_of(tmp_path / "a", data[:-1] + b"?"), tmp_path / "b")], SILENT)


def test_the_first_failure_stops_the_others(tmp_path: Path) -> None:
    good = os.urandom(50_000)
    source = file_of(tmp_path / "a", good)
    copies = [Copy(blob_of(good), source, tmp_path / f"b{number}") for number in range(400)]
    bad = Copy(blob_of(good + b"!"), file_of(tmp_path / "bad", good + b"?"), tmp_path / "b")
    counting = Counting()
    with pytest.raises(DigestError, match="bad"):
        copy_blobs([bad, *copies], counting, workers=1)  # with more, how far the others come is chance
    assert counting.total <= bad.blob.size


@settings(max_examples=100)
@given(st.binary(max_size=20_000), st.data())
def test_whatever_lies_there_the_result_is_right_and_a_good_beginning_is_kept(data: bytes, draw: st.DataObject) -> None:
    length = draw.draw(st.integers(0, len(data)))
    good = draw.draw(st.booleans())
    there = data[:length] if good else draw.draw(st.binary(max_size=25_000))
    with TemporaryDirectory() as folder:
        source, target = file_of(Path(folder) / "a", data), Path(folder) / "b"
        target.write_bytes(there)
        counting = Counting()
        done = copy_blobs([Copy(blob_of(data), source, target)], counting)
        assert target.read_bytes() == data
        assert counting.total == len(data)
        assert done.copied + done.kept == len(data)
        if good:
            assert done.kept == aligned(length, len(data))


@settings(max_examples=60)
@given(st.lists(st.binary(min_size=1, max_size=20_000), min_size=1, max_size=5, unique=True), st.integers(1, 60_000))
def test_a_run_that_was_cut_is_continued(contents: list[bytes], after: int) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        copies = [
            Copy(blob_of(data), file_of(root / f"a{number}", data), root / f"b{number}")
            for number, data in enumerate(contents)
        ]
        total = sum(len(data) for data in contents)
        with suppress(Cut):
            copy_blobs(copies, CutAfter(after))
        lengths = [(copy.target.stat().st_size, copy.blob.size) for copy in copies if copy.target.exists()]
        written = sum(aligned(*each) for each in lengths)
        done = copy_blobs(copies, SILENT)
        assert done == Done(copied=total - written, kept=written)
        assert [copy.target.read_bytes() for copy in copies] == contents


def test_several_blobs_in_one_file_lie_where_they_should_and_are_continued_too(tmp_path: Path) -> None:
    one, two = os.urandom(2500), os.urandom(3500)
    target = tmp_path / "tar"
    copies = [
        Copy(blob_of(one), file_of(tmp_path / "a", one), target, 512),
        Copy(blob_of(two), file_of(tmp_path / "b", two), target, 4096),
    ]
    with pytest.raises(Cut):
        copy_blobs(copies, CutAfter(4000))
    done = copy_blobs(copies, SILENT)
    assert target.read_bytes()[512:3012] == one
    assert target.read_bytes()[4096:] == two
    assert done.kept >= 2500


def test_a_blob_in_several_runs_is_put_together(tmp_path: Path) -> None:
    data = os.urandom(5000)
    runs = file_of(tmp_path / "a", data[:1234]) + file_of(tmp_path / "b", data[1234:])
    copy_blobs([Copy(blob_of(data), runs, tmp_path / "c")], SILENT)
    assert (tmp_path / "c").read_bytes() == data


def test_hashing_tells_each_digest_once(tmp_path: Path) -> None:
    contents = [os.urandom(size) for size in (0, 1, 699, 700, 5000)]
    heard: list[tuple[str, str]] = []
    hash_blobs(
        [(blob_of(data), file_of(tmp_path / str(number), data)) for number, data in enumerate(contents)],
        SILENT,
        lambda promised, found, _: heard.append((promised, found)),
    )
    assert sorted(heard) == sorted((sha256_digest(data), sha256_digest(data)) for data in contents)


def test_digests_come_in_the_order_of_the_runs(tmp_path: Path) -> None:
    contents = [os.urandom(size) for size in (5000, 1, 3000)]
    runs = [file_of(tmp_path / str(number), data) for number, data in enumerate(contents)]
    assert digests(runs, SILENT) == [sha256_digest(data) for data in contents]


def to_a_link(path: Path) -> None:
    path.rename(path.with_name("x"))
    path.symlink_to("x")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda path: path.write_bytes(b"short"), LengthError),
        (Path.unlink, MissingFileError),
        (to_a_link, UnexpectedFileError),
    ],
)
def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], error: type[Exception]
) -> None:
    path = tmp_path / "a"
    extents = file_of(path, b"long enough")
    spoil(path)
    with pytest.raises(error, match=str(path)):
        read_extents(extents)


@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(0, 100), st.integers(0, 100))
def test_a_cut_of_extents_is_the_slice_of_their_bytes(contents: list[bytes], offset: int, size: int) -> None:
    extents = tuple(extent for data in contents for extent in in_memory(data, "x"))
    assert read_extents(cut(extents, offset, size)) == b"".join(contents)[offset : offset + size]


def test_no_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    require_space(tmp_path / "new" / "folder", 1)
    with pytest.raises(HostError, match="nothing was written"):
        require_space(tmp_path / "new" / "folder", 1 << 60)
    assert not (tmp_path / "new").exists()


def test_a_file_system_that_will_not_be_written_directly_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(10_000)
    refused: list[int] = []
    write = os.pwrite

    def pwrite(descriptor: int, chunk: memoryview, position: int) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            refused.append(position)
            raise OSError(errno.EINVAL, "Invalid argument")
        return write(descriptor, chunk, position)

    monkeypatch.setattr(os, "pwrite", pwrite)
    copy_blobs([Copy(blob_of(data), file_of(tmp_path / "a", data), tmp_path / "b")], SILENT)
    assert (tmp_path / "b").read_bytes() == data
    assert len(refused) == 1


def test_a_full_disk_is_said_plainly_and_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(20_000)
    write = os.pwrite

    def pwrite(descriptor: int, chunk: memoryview, position: int) -> int:
        if position >= 8192:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, chunk, position)

    copies = [Copy(blob_of(data), file_of(tmp_path / "a", data), tmp_path / "b")]
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        with pytest.raises(HostError, match="it continues where it stopped"):
            copy_blobs(copies, SILENT)
    assert copy_blobs(copies, SILENT) == Done(copied=20_000 - 8192, kept=8192)
