"""Pinned host keys: written, held against, never learned."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko import Ed25519Key, PKey, RSAKey

from trivet.drivers.ssh.pins import Pins
from trivet.errors import HostError
from trivet.spec.ssh import SshHop

HOP = SshHop(address="gpu1.example.org")
OTHER_PORT = SshHop(address="gpu1.example.org", port=2222)


@pytest.fixture
def pins(tmp_path: Path) -> Pins:
    return Pins(tmp_path / "deeper" / "known_hosts")


@pytest.fixture
def keys(tmp_path: Path) -> list[PKey]:
    return [_key(tmp_path / name) for name in ("one", "two")]


def _key(path: Path) -> Ed25519Key:
    private = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    path.write_bytes(private)
    return Ed25519Key.from_private_key_file(str(path))


def test_a_host_that_nobody_trusts_is_refused_with_the_command_that_does(pins: Pins) -> None:
    with pytest.raises(HostError, match=r"trivet host trust gpu1\.example\.org --port 2222"):
        pins.algorithms(OTHER_PORT)


def test_a_pinned_key_is_taken_and_another_one_is_not(pins: Pins, keys: list[PKey]) -> None:
    assert pins.add(HOP, keys[0]) is True
    pins.require(HOP, keys[0])
    with pytest.raises(HostError) as refused:
        pins.require(HOP, keys[1])
    assert str(keys[1].fingerprint) in str(refused.value)
    assert "--replace" in str(refused.value)


def test_a_pin_is_for_one_port(pins: Pins, keys: list[PKey]) -> None:
    pins.add(OTHER_PORT, keys[0])
    assert pins.of(HOP) == {}
    with pytest.raises(HostError):
        pins.require(HOP, keys[0])


def test_pinning_twice_changes_nothing_and_another_key_takes_the_place(pins: Pins, keys: list[PKey]) -> None:
    pins.add(HOP, keys[0])
    pins.add(OTHER_PORT, keys[0])
    before = pins.path.read_text()
    assert pins.add(HOP, keys[0]) is False
    assert pins.path.read_text() == before
    assert pins.add(HOP, keys[1]) is True
    assert list(pins.of(HOP).values()) == [keys[1]]
    assert list(pins.of(OTHER_PORT).values()) == [keys[0]]


def test_what_people_wrote_stays(pins: Pins, keys: list[PKey]) -> None:
    pins.path.parent.mkdir(parents=True)
    line = f"elsewhere {keys[0].get_name()} {keys[0].get_base64()}"
    pins.path.write_text(f"# ours\n{line}\n")
    pins.add(HOP, keys[1])
    assert pins.path.read_text().splitlines()[:2] == ["# ours", line]


def test_an_rsa_key_is_proven_with_sha_2_alone(pins: Pins) -> None:
    pins.add(HOP, RSAKey.generate(2048))
    assert pins.algorithms(HOP) == ("rsa-sha2-512", "rsa-sha2-256")


def test_a_line_that_is_no_key_pins_nothing(pins: Pins) -> None:
    pins.path.parent.mkdir(parents=True)
    pins.path.write_text("gpu1.example.org ssh-ed25519 !!!!\n")
    with pytest.raises(HostError, match="no key of it is pinned"):
        pins.algorithms(HOP)


def test_a_file_that_is_none_is_an_error(pins: Pins) -> None:
    pins.path.parent.mkdir(parents=True)
    pins.path.write_bytes(b"\xff\xfe not text")
    with pytest.raises(HostError, match="lines as OpenSSH writes them"):
        pins.of(HOP)
