"""The kernel's socket tables, and what counts as taken."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from trivet.drivers.listening import is_taken, parse
from trivet.drivers.local import LocalHost

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
TCP = (
    HEAD
    + "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
    + "   1: 0100007F:1F91 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1\n"
)
TCP6 = (
    HEAD
    + f"   0: {'0' * 32}:0050 {'0' * 32}:0000 0A 0:0 00:0 0 0 0 3 1 0 100 0 0 10 0\n"
    + f"   1: 0000000000000000FFFF00000100007F:0051 {'0' * 32}:0000 0A 0:0 00:0 0 0 0 3 1 0 100 0 0 10 0\n"
)


def test_only_listening_sockets_count() -> None:
    assert parse(TCP.encode()) == [(ip_address("127.0.0.1"), 8080)]


def test_an_ipv4_address_in_the_ipv6_table_is_an_ipv4_address() -> None:
    assert parse(TCP6.encode()) == [(ip_address("::"), 80), (ip_address("127.0.0.1"), 81)]


@pytest.mark.parametrize(
    ("listens", "asked", "taken"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "0.0.0.0", True),  # noqa: S104
        ("0.0.0.0", "127.0.0.1", True),  # noqa: S104
        ("127.0.0.1", "127.0.0.2", False),
    ],
)
def test_a_port_is_taken_on_the_address_and_on_those_that_include_it(*, listens: str, asked: str, taken: bool) -> None:
    with socket.create_server((listens, 0)) as server:
        assert is_taken(LocalHost(), asked, server.getsockname()[1]) is taken


def test_a_port_that_nobody_listens_on_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not is_taken(LocalHost(), "127.0.0.1", port)
