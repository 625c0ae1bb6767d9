"""The role `power`: NUT follows a UPS and answers nobody else, and network cards listen for who wakes the host.

That a host on battery ends its requests before it stops is seen in `test_workstation`, on a real stack.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host.conftest import SetUp
from tests.host.playing import inside, is_open, play
from trivet.drivers.ansible import Outcome
from trivet.errors import EngineError, HostError

UPS = "/etc/nut/lab.dev"  # what NUT's own stand-in for a UPS reads
SETTINGS = {
    "power_wake_on_lan": True,
    "power_ups": {"driver": "dummy-ups", "port": "lab.dev", "on_battery_seconds": 60},
}
NUT = ("nut-driver@trivet", "nut-server", "nut-monitor")
# As much of ethtool as the role speaks, for one card that can be woken: keeps what it is told, refuses the rest.
ETHTOOL = """#!/bin/sh
case "$*" in
  enp3s0)
    printf 'Settings for enp3s0:\\n\\tSupports Wake-on: pumbg\\n\\tWake-on: '
    cat /run/wol 2>/dev/null || echo d
    ;;
  "--change enp3s0 wol g") echo g >/run/wol ;;
  *) echo "ethtool: bad command line argument(s)" >&2; exit 1 ;;
esac
"""


@pytest.fixture(scope="module")
def played(set_up: SetUp) -> Iterator[Outcome]:
    set_up.host.sh(f"mkdir -p /etc/nut; echo 'ups.status: OL' >{UPS}")
    yield play(set_up.target, "power", **SETTINGS)
    set_up.host.sh(
        "systemctl disable --now trivet-drain nut-monitor nut-server nut-driver@trivet nut.target nut-driver.target"
        " nut-driver-enumerator.path 2>/dev/null; rm -rf /etc/systemd/system/nut-monitor.service.d"
        " /etc/systemd/system/trivet-drain.service /etc/systemd/network/99-default.link.d /etc/nut/*;"
        " systemctl daemon-reload"
    )


@pytest.fixture
def card(set_up: SetUp) -> Iterator[None]:
    """A network card of the host's own, which a container does not have."""
    set_up.host.sh(
        "mount -t tmpfs none /sys/class/net && mkdir -p /sys/class/net/enp3s0/device /sys/class/net/veth1"
        f" && cat >/usr/local/sbin/ethtool <<'END'\n{ETHTOOL}END\nchmod 755 /usr/local/sbin/ethtool"
    )
    yield
    set_up.host.sh("umount /sys/class/net; rm -f /usr/local/sbin/ethtool /run/wol")


@pytest.mark.usefixtures("played")
def test_nut_follows_the_ups_and_answers_nobody_but_this_host(set_up: SetUp) -> None:
    host = inside(set_up.host)
    assert all(host.service(unit).is_running and host.service(unit).is_enabled for unit in NUT)
    assert host.check_output("upsc trivet@127.0.0.1 ups.status 2>/dev/null") == "OL"
    assert host.run("bash -c '</dev/tcp/127.0.0.1/3493'").rc == 0
    assert host.run(f"bash -c '</dev/tcp/{set_up.host.address}/3493'").rc != 0
    assert not is_open(set_up.host.address, 3493)


@pytest.mark.usefixtures("played")
def test_nuts_password_is_known_to_nobody_else(set_up: SetUp) -> None:
    host = inside(set_up.host)
    assert host.file("/etc/nut/trivet.password").mode == 0o600
    for name in ("upsd.users", "upsmon.conf"):
        file = host.file(f"/etc/nut/{name}")
        assert (file.mode, file.user, file.group) == (0o640, "root", "nut")
    password = set_up.host.sh("cat /etc/nut/trivet.password")
    assert len(password) == 48
    found = set_up.host.sh(f"grep -rl {password} /etc /var /usr/local /root /tmp /run 2>/dev/null || :")
    assert sorted(found.split()) == [f"/etc/nut/{name}" for name in ("trivet.password", "upsd.users", "upsmon.conf")]
    with pytest.raises(EngineError, match="denied"):
        set_up.host.sh("setpriv --reuid=65534 --clear-groups cat /etc/nut/upsmon.conf")


@pytest.mark.usefixtures("played")
def test_requests_end_before_every_stop_and_the_engine_stops_after_that(set_up: SetUp) -> None:
    host = inside(set_up.host)
    assert host.service("trivet-drain").is_enabled
    assert host.service("trivet-drain").is_running
    after = host.check_output("systemctl show --property=After,ExecStop trivet-drain")
    assert "docker.service" in after
    assert "drain stop /var/lib/trivet 30" in after
    assert host.service("docker").is_running


@pytest.mark.usefixtures("played")
def test_without_a_card_that_could_be_woken_it_says_so_and_udev_reads_the_setting(
    set_up: SetUp, played: Outcome
) -> None:
    assert [notice for notice in played.notices if "no network card of this host can be woken" in notice]
    said = set_up.host.sh("SYSTEMD_LOG_LEVEL=debug udevadm test-builtin net_setup_link /sys/class/net/eth0 2>&1 || :")
    assert "99-default.link.d/trivet-wake.conf" in said


@pytest.mark.usefixtures("played", "card")
def test_drift_is_named_and_repaired_and_cards_listen(set_up: SetUp) -> None:
    changes = {
        "power: Tell NUT of the UPS, of nobody but this host, and when to stop (upsd.conf)": (
            "echo 'LISTEN 0.0.0.0 3493' >>/etc/nut/upsd.conf"
        ),
        "power: Have the files with the password as they should be": "chmod 644 /etc/nut/upsmon.conf",
        "power: Have the units run, now and after a boot (nut-monitor.service)": "systemctl stop nut-monitor",
        "power: Have the units run, now and after a boot (trivet-drain.service)": "systemctl disable trivet-drain",
        "power: Have the program that lets requests in flight end": "echo >>/usr/local/lib/trivet/drain",
        "power: See which cards can": "rm -f /run/wol",
    }
    for change in changes.values():
        set_up.host.sh(f"{{ {change}; }} 2>/dev/null")
    drift = play(set_up.target, "power", check=True, **SETTINGS)
    assert changes.keys() <= drift.changes.keys()
    assert "power: Have the cards listen now (enp3s0)" in drift.changes
    assert not [notice for notice in drift.notices if "can be woken" in notice]
    play(set_up.target, "power", **SETTINGS)
    assert set_up.host.sh("cat /run/wol") == "g"
    assert play(set_up.target, "power", check=True, **SETTINGS).changes == {}


@pytest.mark.usefixtures("played")
def test_a_ups_that_does_not_answer_is_refused(set_up: SetUp) -> None:
    with pytest.raises(HostError, match="nut-driver@trivet"):
        play(set_up.target, "power", power_ups={"driver": "dummy-ups", "port": "none.dev"})
