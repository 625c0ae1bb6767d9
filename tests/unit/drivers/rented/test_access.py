"""Key pairs of a stack: made once, kept to oneself."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivet.drivers.rented.access import Access
from trivet.errors import TrivetError


def test_keys_are_made_once_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    access = Access(tmp_path / "ssh")
    assert access.public_key == Access(tmp_path / "ssh").public_key
    assert access.host_key == access.host_key
    assert access.host_key.public != access.public_key
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "ssh").iterdir()} == {0o600}


def test_a_label_stands_for_one_key(tmp_path: Path) -> None:
    one, two = Access(tmp_path / "a"), Access(tmp_path / "b")
    assert one.label("gpuaas") == one.label("gpuaas") != two.label("gpuaas")


def test_a_file_that_holds_no_key_is_refused(tmp_path: Path) -> None:
    access = Access(tmp_path)
    access.identity_file.write_text("no key")
    with pytest.raises(TrivetError, match="Ed25519"):
        _ = access.public_key


def test_keys_are_forgotten(tmp_path: Path) -> None:
    access = Access(tmp_path / "ssh")
    _ = access.public_key, access.host_key
    access.remove()
    access.remove()
    assert not (tmp_path / "ssh").exists()
