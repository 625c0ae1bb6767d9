"""The role `access` with WireGuard: who is listed reaches the gateway through the tunnel, and nobody in another way.

The kernel here has no WireGuard, so wg-quick runs wireguard-go in its place, at both ends. The client is a network
namespace of the host's own, which comes in by a cable of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host.conftest import SetUp
from tests.host.playing import OPEN_PORT, inside, play
from tests.host.test_role_hardening import wait_until
from trivet.drivers.ansible import Outcome
from trivet.errors import EngineError

KEY = "/etc/wireguard/trivet.key"
CABLE = "192.168.99.1"  # the host's end
ASK = (
    f"timeout 5 python3 -c 'import urllib.request as r; print(r.urlopen(\"http://%s:{OPEN_PORT}\", timeout=4).status)'"
)
CLIENT = """
ip netns add client
ip link add cable type veth peer name eth1 netns client
ip address add 192.168.99.1/24 dev cable && ip link set cable up
ip -n client address add 192.168.99.2/24 dev eth1 && ip -n client link set eth1 up && ip -n client link set lo up
umask 077 && mkdir -p /root/client && wg genkey >/root/client/key && wg genkey >/root/client/stranger
"""
CONNECT = """
ip netns exec client wireguard-go wgc
ip netns exec client wg set wgc private-key /root/client/%s peer $(wg pubkey <%s) endpoint 192.168.99.1:51820 \
  allowed-ips 10.88.0.1/32 persistent-keepalive 1
ip -n client address add 10.88.0.2/24 dev wgc && ip -n client link set wgc up
"""


def peers(*keys: str) -> dict[str, object]:
    """Settings with these as the only peers, at 10.88.0.2 and on."""
    listed = [{"name": f"p{at}", "public_key": key, "address": f"10.88.0.{at}"} for at, key in enumerate(keys, start=2)]
    return {
        "access_wireguard": {"address": "10.88.0.1/24", "port": 51820, "peers": listed},
        "access_gateway_port": OPEN_PORT,
        "hardening_open_ports": [],
        "hardening_tunnel_port": 51820,
        "hardening_tunnel_gateway_port": OPEN_PORT,
    }


@pytest.fixture(scope="module")
def client(set_up: SetUp) -> Iterator[str]:
    """The public key of a client who is there but not connected."""
    set_up.host.sh("apt-get -qq update && apt-get -qq -y --no-install-recommends install wireguard-tools wireguard-go")
    set_up.host.sh("apt-get -qq -y --no-install-recommends install iproute2; mkdir -p /dev/net")
    set_up.host.sh(f"[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200; {CLIENT}")
    yield set_up.host.sh("wg pubkey </root/client/key")
    set_up.host.sh("ip netns delete client; rm -rf /root/client")


@pytest.fixture(scope="module")
def played(set_up: SetUp, client: str) -> Iterator[Outcome]:
    yield play(set_up.target, "hardening", "access", **peers(client))
    set_up.host.sh(
        "systemctl disable --now wg-quick@trivet behind 2>/dev/null; rm -rf /etc/wireguard/*"
        " /etc/systemd/system/wg-quick@trivet.service.d; systemctl daemon-reload; systemctl reset-failed"
    )
    play(set_up.target, "hardening")


@pytest.fixture
def tunnel(set_up: SetUp, played: Outcome) -> Iterator[None]:
    """Something that listens in the tunnel, and the client who is connected."""
    assert played
    serve = f"python3 -m http.server --bind 10.88.0.1 --directory /usr/share/doc {OPEN_PORT}"
    set_up.host.sh(f"systemd-run --quiet --unit=behind {serve}")
    set_up.host.sh(CONNECT % ("key", KEY))
    yield
    set_up.host.sh("systemctl stop behind; ip -n client link delete wgc")


def reaches(set_up: SetUp, address: str) -> bool:
    return set_up.host.sh(f"ip netns exec client {ASK % address} 2>/dev/null || :") == "200"


@pytest.mark.usefixtures("tunnel")
def test_who_is_listed_reaches_the_gateway_through_the_tunnel_alone(set_up: SetUp) -> None:
    wait_until(lambda: reaches(set_up, "10.88.0.1"))
    assert not reaches(set_up, CABLE)
    set_up.host.sh("ip -n client link set wgc down; ip -n client route add 10.88.0.1 via 192.168.99.1")
    assert not reaches(set_up, "10.88.0.1"), "the tunnel's address is not to be had past the tunnel"


@pytest.mark.usefixtures("played")
def test_who_is_not_listed_is_not_answered(set_up: SetUp) -> None:
    set_up.host.sh(CONNECT % ("stranger", KEY))
    assert not reaches(set_up, "10.88.0.1")
    assert set_up.host.sh("ip netns exec client wg show wgc latest-handshakes").split()[-1] == "0"
    set_up.host.sh("ip -n client link delete wgc")


def test_the_private_key_is_made_on_the_host_and_stays_there(set_up: SetUp, played: Outcome) -> None:
    host = inside(set_up.host)
    assert host.file(KEY).mode == 0o600
    assert host.file("/etc/wireguard").mode == 0o700
    private, public = set_up.host.sh(f"cat {KEY}"), set_up.host.sh(f"wg pubkey <{KEY}")
    assert private not in repr(played)
    assert [notice for notice in played.notices if f"PublicKey = {public}" in notice]
    assert set_up.host.sh(f"grep -rl '{private}' /etc /var/log /var/lib/trivet /root /tmp /srv || :") == KEY
    assert "PrivateKey" not in set_up.host.sh("wg-quick strip trivet")
    with pytest.raises(EngineError, match="denied"):
        set_up.host.sh(f"setpriv --reuid=65534 --clear-groups cat {KEY}")


def test_it_is_there_before_the_engine_and_drift_is_named_and_repaired(
    set_up: SetUp, client: str, played: Outcome
) -> None:
    assert played.changes
    assert "docker.service" in set_up.host.sh("systemctl show --property=Before wg-quick@trivet")
    stranger = set_up.host.sh("wg pubkey </root/client/stranger")
    before = set_up.host.sh(f"cat {KEY}")
    set_up.host.sh(f"wg set trivet peer '{stranger}' allowed-ips 10.88.0.9/32; systemctl disable wg-quick@trivet")
    drift = play(set_up.target, "access", check=True, **peers(client)).changes
    assert drift.keys() == {
        "access: See whom the tunnel knows",
        "access: Have systemd read the unit of the tunnel again",
        "access: Restart the tunnel now",
        "access: Have the units run, now and after a boot (wg-quick@trivet.service)",
    }
    play(set_up.target, "access", **peers(client))
    assert stranger not in set_up.host.sh("wg show trivet")
    assert play(set_up.target, "hardening", "access", check=True, **peers(client)).changes == {}
    assert set_up.host.sh(f"cat {KEY}") == before
