"""Which TCP ports a Linux host listens on, from the kernel's own tables."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

from trivet.drivers.host import Host

LISTEN = "0A"
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
Listener = tuple[IPv4Address | IPv6Address, int]


def is_taken(host: Host, address: str, port: int) -> bool:
    """True if something listens on the port, on this address or on one that includes it."""
    wanted = ip_address(address)
    listeners = [listener for table in TABLES for listener in parse(host.read(table) or b"")]
    return any(
        taken == port and (at == wanted or at.is_unspecified or wanted.is_unspecified) for at, taken in listeners
    )


def parse(table: bytes) -> list[Listener]:
    """The listening sockets of `/proc/net/tcp` or `tcp6` (see proc(5)): addresses are 32-bit words in host order."""
    rows = (line.split() for line in table.decode("ascii", "replace").splitlines()[1:])
    return [_endpoint(row[1]) for row in rows if row[3] == LISTEN]


def _endpoint(text: str) -> Listener:
    words, _, port = text.partition(":")
    raw = bytes.fromhex(words)
    packed = b"".join(
        socket.htonl(int.from_bytes(raw[i : i + 4], "big")).to_bytes(4, "big") for i in range(0, len(raw), 4)
    )
    address = ip_address(packed)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address, int(port, 16)
