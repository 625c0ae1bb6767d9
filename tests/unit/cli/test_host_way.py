"""The way to a host, as people write it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from trivet.cli.host_way import way_from, way_of
from trivet.errors import SpecError
from trivet.spec.ssh import SshHop, SshTarget


def way(address: str, *jump: str, **more: Any) -> SshTarget:
    return way_of(argparse.Namespace(address=address, port=22, jump=jump, known_hosts=Path("pins"), **more))


@pytest.mark.parametrize(
    ("text", "user", "address", "port"),
    [
        ("GPU1.Example.org", "root", "gpu1.example.org", 22),
        ("ai@gpu1", "ai", "gpu1", 22),
        ("ai@10.0.0.7:2222", "ai", "10.0.0.7", 2222),
        ("fd00::7", "root", "fd00::7", 22),
        ("ai@[fd00::7]:2222", "ai", "fd00::7", 2222),
    ],
)
def test_a_host_is_named_with_user_and_port_where_they_matter(text: str, user: str, address: str, port: int) -> None:
    found = way(text)
    assert (found.user, found.address, found.port) == (user, address, port)


def test_hosts_on_the_way_keep_their_order() -> None:
    assert way("gpu1", "a@one:2222", "two").jump == (SshHop(address="one", user="a", port=2222), SshHop(address="two"))


@pytest.mark.parametrize("text", ["", "a b", "-oProxyCommand=id", "a@", "@a", "a:b", "a:99999", "a:0", "a@b@c", "x;id"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        way(text)


def test_what_is_relative_in_settings_starts_at_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ai")
    relative = way_from(tmp_path, SshTarget(address="gpu1", key_file="keys/id"))
    assert (relative.known_hosts, relative.key_file) == (f"{tmp_path}/.trivet/known_hosts", f"{tmp_path}/keys/id")
    home = way_from(tmp_path, SshTarget(address="gpu1", key_file="~/.ssh/id", known_hosts="/etc/pins"))
    assert (home.known_hosts, home.key_file) == ("/etc/pins", "/home/ai/.ssh/id")
    assert way_from(tmp_path, SshTarget(address="gpu1")).key_file is None
