"""Archives that every program unpacks, and that nobody's compressor can change."""

from __future__ import annotations

import gzip
import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from trivet.bundle.targz import tar_gz

NAMES = st.from_regex(r"[a-z]{1,9}(/[a-z]{1,9}){0,3}", fullmatch=True)


@given(st.dictionaries(NAMES, st.binary(max_size=200), max_size=5))
def test_what_goes_in_comes_out(files: dict[str, bytes]) -> None:
    with tarfile.open(fileobj=io.BytesIO(tar_gz(files)), mode="r:gz") as archive:
        assert {each.name: archive.extractfile(each).read() for each in archive} == files  # type: ignore[union-attr]


def test_more_than_one_block_is_stored() -> None:
    data = bytes(range(256)) * 1024
    with tarfile.open(fileobj=io.BytesIO(tar_gz({"a": data})), mode="r:gz") as archive:
        assert archive.extractfile("a").read() == data  # type: ignore[union-attr]


def test_order_does_not_matter_and_nothing_tells_who_made_it_when() -> None:
    archive = tar_gz({"b": b"2", "a": b"1"})
    assert archive == tar_gz({"a": b"1", "b": b"2"})
    assert archive[:10] == bytes.fromhex("1f8b08000000000000ff")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        assert [(each.name, each.mtime, each.uid, each.gid, each.uname, each.mode) for each in tar] == [
            ("a", 0, 0, 0, "", 0o644),
            ("b", 0, 0, 0, "", 0o644),
        ]


def test_a_flipped_bit_is_noticed() -> None:
    archive = bytearray(tar_gz({"a": b"1"}))
    archive[600] ^= 1
    try:
        gzip.decompress(archive)
    except gzip.BadGzipFile as error:
        assert "CRC" in str(error)  # noqa: PT017  # the only fault that there is
    else:
        raise AssertionError("not noticed")
