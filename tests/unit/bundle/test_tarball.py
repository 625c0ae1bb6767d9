"""A bundle's tar: what is written is read again, and nothing of it can be changed unseen."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trivet.bundle.extent import read_extents
from trivet.bundle.refusals import LengthError, UnexpectedFileError
from trivet.bundle.tarball import END, header, list_tar, padding, tar_offsets

FILES = [("oci-layout", b"{}"), ("index.json", b"x" * 700), ("empty", b""), ("blobs/sha256/" + "0" * 64, b"y" * 1024)]


def tar(files: list[tuple[str, bytes]]) -> bytes:
    return b"".join(header(name, len(data)) + data + bytes(padding(len(data))) for name, data in files) + END


def read(path: Path) -> dict[str, bytes]:
    return {name: read_extents((extent,)) for name, extent in list_tar(path)}


def test_a_tar_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(tar(FILES))
    assert read(path) == dict(FILES)


def test_any_tar_program_reads_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar(FILES))) as archive:
        assert archive.getnames() == [name for name, _ in FILES]
        assert {(member.uid, member.mtime, member.mode, member.type) for member in archive} == {(0, 0, 0o644, b"0")}


def test_offsets_are_where_the_files_begin() -> None:
    data = tar(FILES)
    offsets, end = tar_offsets([(name, len(content)) for name, content in FILES])
    assert all(data[offsets[name] : offsets[name] + len(content)] == content for name, content in FILES)
    assert data[end:] == END


@settings(max_examples=300)
@given(st.data())
def test_no_byte_between_the_files_can_be_changed(data: st.DataObject) -> None:
    good = tar(FILES)
    offsets, _ = tar_offsets([(name, len(content)) for name, content in FILES])
    inside = {at for name, content in FILES for at in range(offsets[name], offsets[name] + len(content))}
    at = data.draw(st.sampled_from(sorted(set(range(len(good))) - inside)))
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "b.tar"
        path.write_bytes(bad)
        with pytest.raises((LengthError, UnexpectedFileError), match=r"b\.tar"):
            read(path)


@settings(max_examples=60)
@given(st.integers(0, len(tar(FILES)) - 1))
def test_a_tar_that_was_cut_is_refused(length: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "b.tar"
        path.write_bytes(tar(FILES)[:length])
        with pytest.raises((LengthError, UnexpectedFileError)):
            read(path)


@pytest.mark.parametrize("more", [b"\0", bytes(512), b"more"])
def test_a_tar_that_goes_on_after_its_end_is_refused(tmp_path: Path, more: bytes) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(tar(FILES) + more)
    with pytest.raises(LengthError, match="added to"):
        read(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.XHDTYPE])
def test_anything_but_plain_files_is_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("x")
    info.type = kind
    info.linkname = "/etc/passwd"
    path = tmp_path / "b.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + END)
    with pytest.raises(UnexpectedFileError, match="plain files"):
        read(path)


@pytest.mark.parametrize("size", [1 << 40, 1 << 62, 1 << 70])
def test_a_huge_length_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "b.tar"
    path.write_bytes(header("x", size) + END)
    with pytest.raises(LengthError):
        read(path)
