"""The role `access`: clients come in over TLS, and in no other way."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.host.conftest import SetUp
from tests.host.playing import OPEN_PORT, inside, is_open, play
from tests.host.test_role_hardening import wait_until

NAME = "ws.example.org"
TLS_PORT = 443
AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
SETTINGS = {"access_name": NAME, "access_gateway_port": OPEN_PORT, "hardening_open_ports": [TLS_PORT]}


@pytest.fixture(scope="module")
def behind(set_up: SetUp) -> Iterator[ssl.SSLContext]:
    """What trusts the host's authority; behind the proxy is a server on the loopback address."""
    serve = f"python3 -m http.server --bind 127.0.0.1 --directory /usr/share/doc/caddy {OPEN_PORT}"
    play(set_up.target, "hardening", "access", **SETTINGS)
    set_up.host.sh(f"systemd-run --quiet --unit=behind {serve}")
    wait_until(lambda: set_up.host.sh(f"test -s {AUTHORITY} && echo there || :") == "there")
    yield ssl.create_default_context(cadata=set_up.host.sh(f"cat {AUTHORITY}"))
    set_up.host.sh("systemctl stop behind; systemctl disable --now caddy 2>/dev/null")
    play(set_up.target, "hardening")


def get(set_up: SetUp, context: ssl.SSLContext, name: str = NAME) -> int:
    """The status of an answer to a client that calls the host by a name."""
    plain = socket.create_connection((set_up.host.address, TLS_PORT), timeout=5)
    with context.wrap_socket(plain, server_hostname=name) as secured:
        secured.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
        return int(secured.makefile("rb").readline().split()[1])


def test_clients_are_passed_on_over_tls(set_up: SetUp, behind: ssl.SSLContext) -> None:
    wait_until(lambda: is_open(set_up.host.address, TLS_PORT))
    assert get(set_up, behind) == 200


def test_there_is_no_other_way_in(set_up: SetUp, behind: ssl.SSLContext) -> None:
    assert not any(is_open(set_up.host.address, port) for port in (80, OPEN_PORT, 2019))
    with pytest.raises(ssl.SSLError):
        get(set_up, behind, "other.example.org")
    with pytest.raises(ssl.SSLCertVerificationError):
        get(set_up, ssl.create_default_context())


@pytest.mark.usefixtures("behind")
def test_a_second_run_changes_nothing_and_drift_is_named(set_up: SetUp) -> None:
    assert play(set_up.target, "access", check=True, **SETTINGS).changes == {}
    set_up.host.sh("echo ':80 { respond ok }' >>/etc/caddy/Caddyfile; systemctl stop caddy")
    drift = play(set_up.target, "access", check=True, **SETTINGS).changes
    assert "- :80 { respond ok }" in drift["access: Pass clients on to the gateway, over TLS"]
    assert "access: Have the units run, now and after a boot (caddy.service)" in drift
    play(set_up.target, "access", **SETTINGS)
    assert inside(set_up.host).service("caddy").is_running
