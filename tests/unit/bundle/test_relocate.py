"""A layer's files in another place: names, links, marks of deletion; nothing else."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from trivet.bundle.relocate import relocate

LONG = "d" * 90 + "/" + "f" * 90
NAMES = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4).map("/".join)


def layer(**files: tarfile.TarInfo | bytes) -> io.BytesIO:
    """A tar of files (bytes) and of everything else, by name; `__` is a slash."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, each in files.items():
            info = each if isinstance(each, tarfile.TarInfo) else tarfile.TarInfo()
            info.name = name.replace("__", "/")
            content = each if isinstance(each, bytes) else b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    data.seek(0)
    return data


def link(kind: bytes, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, target
    return info


def moved(source: io.BytesIO, *moves: tuple[str, str]) -> list[tarfile.TarInfo]:
    out = io.BytesIO()
    written = relocate(source, moves, out)
    out.seek(0)
    with tarfile.open(fileobj=out, mode="r:") as tar:
        members = tar.getmembers()
    assert len(members) == written
    return members


def test_every_file_moves_with_its_mode_owner_and_bytes() -> None:
    info = tarfile.TarInfo()
    info.mode, info.uid, info.mtime = 0o750, 7, 11
    (found,) = moved(layer(usr__bin__x=info), ("/", "/srv/llama"))
    assert (found.name, found.mode, found.uid, found.mtime) == ("srv/llama/usr/bin/x", 0o750, 7, 11)


def test_a_long_name_is_the_new_one() -> None:
    (found,) = moved(layer(**{LONG: b"x"}), ("/", "/srv/llama"))
    assert found.name == f"srv/llama/{LONG}"


def test_hard_links_follow_and_symbolic_ones_stay() -> None:
    source = layer(a__x=b"x", a__hard=link(tarfile.LNKTYPE, "a/x"), a__soft=link(tarfile.SYMTYPE, "/a/x"))
    names = {each.name: each.linkname for each in moved(source, ("/", "/srv/i"))}
    assert names == {"srv/i/a/x": "", "srv/i/a/hard": "srv/i/a/x", "srv/i/a/soft": "/a/x"}


def test_what_lies_elsewhere_is_left_out_and_what_lies_in_two_moves_is_there_twice() -> None:
    source = layer(usr__lib__x=b"1", usr__library=b"2", etc__y=b"3")
    names = sorted(each.name for each in moved(source, ("/usr/lib", "/usr/lib"), ("/", "/srv/i")))
    assert names == ["srv/i/etc/y", "srv/i/usr/lib/x", "srv/i/usr/library", "usr/lib/x"]


def test_a_mark_of_deletion_moves_with_its_directory() -> None:
    (found,) = moved(layer(**{"etc/.wh.passwd": b""}), ("/", "/srv/i"))
    assert found.name == "srv/i/etc/.wh.passwd"


@given(st.dictionaries(NAMES, st.binary(max_size=600), max_size=8))
def test_to_the_root_is_the_layer_itself_and_equal_layers_give_equal_bytes(files: dict[str, bytes]) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    relocate(layer(**files), [("/", "/")], first)
    relocate(layer(**files), [("/", "/")], second)
    assert first.getvalue() == second.getvalue() == layer(**files).getvalue()
