"""API keys: made once, kept from others, known by their hash."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trivet.drivers.bundle.keys import KeyRing
from trivet.errors import HostError


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys")


def test_a_key_is_made_once_and_nobody_else_can_read_it(ring: KeyRing) -> None:
    first = ring.ensure("default-default")
    path = ring.path("default-default")
    text = path.read_text().strip()
    assert re.fullmatch(r"tvt_[A-Za-z0-9_-]{43}", text)
    assert first == hashlib.sha256(text.encode()).hexdigest() == ring.ensure("default-default")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_key_that_is_not_there_has_no_hash_and_asking_makes_none(ring: KeyRing) -> None:
    assert ring.sha256("a") is None
    assert not ring.path("a").exists()


def test_keys_differ(ring: KeyRing) -> None:
    assert ring.ensure("a") != ring.ensure("b")


def test_of_many_who_make_a_key_at_once_all_get_the_same(ring: KeyRing) -> None:
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda _: ring.ensure("a"), range(64)))
    assert hashes == {ring.sha256("a")}
    assert [path.name for path in ring.path("a").parent.iterdir()] == ["a.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_is_refused(ring: KeyRing, mode: int) -> None:
    ring.ensure("a")
    ring.path("a").chmod(mode)
    with pytest.raises(HostError, match="nobody but its owner reads a key"):
        ring.sha256("a")


@pytest.mark.parametrize("data", [b"", b"tvt_short", b"\xff\xfe", b"sk-" + b"a" * 44])
def test_a_file_that_holds_no_key_is_refused_and_not_overwritten(ring: KeyRing, data: bytes) -> None:
    ring.ensure("a")
    ring.path("a").write_bytes(data)
    with pytest.raises(HostError, match="a key file holds tvt_"):
        ring.ensure("a")
    assert ring.path("a").read_bytes() == data


def test_removing_takes_drafts_and_the_empty_directory_too(ring: KeyRing) -> None:
    ring.ensure("a")
    (ring.path("a").parent / ".a.0123").write_text("cut")
    ring.remove("a")
    ring.remove("a")
    assert not ring.path("a").parent.exists()


def test_removing_one_key_leaves_the_others(ring: KeyRing) -> None:
    ring.ensure("a")
    ring.ensure("b")
    ring.remove("a")
    assert ring.sha256("b")


def test_of_several_hosts_the_last_that_lets_go_is_told(tmp_path: Path) -> None:
    first, second = KeyRing(tmp_path / "keys", "gpu1"), KeyRing(tmp_path / "keys", "gpu2")
    for ring in (first, second):
        ring.hold()
        ring.ensure("a")
    assert first.path("a").parent.stat().st_mode & 0o777 == 0o700
    assert first.let_go() is False
    assert second.let_go() is True
    second.remove("a")
    assert not (tmp_path / "keys").exists()


def test_one_that_never_took_hold_lets_go_alone(ring: KeyRing) -> None:
    ring.ensure("a")
    assert ring.let_go() is True
