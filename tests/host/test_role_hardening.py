"""The role `hardening`, on a bare host: what it shuts, and that it cannot shut us out."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.host.conftest import SetUp
from tests.host.playing import OPEN_PORT, SHUT_PORT, inside, is_open, play
from trivet.errors import HostError

SSHD = "/etc/ssh/sshd_config.d/00-trivet.conf"


@pytest.fixture
def listeners(set_up: SetUp) -> Iterator[None]:
    """Something that listens on the open port and on the one that is shut."""
    names = [f"listener-{port}" for port in (OPEN_PORT, SHUT_PORT)]
    for name in names:
        port = name.rpartition("-")[2]
        set_up.host.sh(f"systemd-run --quiet --unit={name} python3 -m http.server {port}")
    local = f"bash -c '</dev/tcp/127.0.0.1/{OPEN_PORT} && </dev/tcp/127.0.0.1/{SHUT_PORT}' 2>/dev/null && echo up || :"
    wait_until(lambda: "up" in set_up.host.sh(local))
    yield
    set_up.host.sh(f"systemctl stop {' '.join(names)}")


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.usefixtures("listeners")
def test_only_listed_ports_answer_from_outside(set_up: SetUp) -> None:
    address = set_up.host.address
    assert is_open(address, 22)
    assert is_open(address, OPEN_PORT)
    assert not is_open(address, SHUT_PORT)


def test_what_a_container_publishes_is_shut_too_unless_listed_and_dockers_own_rules_stand(set_up: SetUp) -> None:
    set_up.host.sh(
        "tar -cf - /bin /sbin /lib /lib64 /usr/bin /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/lib/python3* 2>/dev/null"
        " | docker import - own >/dev/null"
    )
    try:
        for port in (OPEN_PORT, SHUT_PORT):
            set_up.host.sh(f"docker run -d --name c{port} -p {port}:80 own /usr/bin/python3 -m http.server 80")
        wait_until(lambda: is_open(set_up.host.address, OPEN_PORT))
        assert not is_open(set_up.host.address, SHUT_PORT)
        assert "DOCKER" in set_up.host.sh("nft list ruleset")
    finally:
        set_up.host.sh("docker rm -f $(docker ps -aq); docker rmi own")


def test_people_log_in_with_keys_alone(set_up: SetUp) -> None:
    effective = inside(set_up.host).check_output("sshd -T")
    assert "passwordauthentication no" in effective
    assert "permitrootlogin without-password" in effective
    argv = ["ssh", "-F", "none", "-o", "PubkeyAuthentication=no", "-o", "StrictHostKeyChecking=yes"]
    argv += ["-o", f"UserKnownHostsFile={set_up.target.known_hosts}", "-o", "BatchMode=no"]
    done = subprocess.run([*argv, f"root@{set_up.host.address}", "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_upgrades_kernel_settings_and_secrets_are_as_they_should_be(set_up: SetUp) -> None:
    host = inside(set_up.host)
    assert host.service("unattended-upgrades").is_running
    assert 'Unattended-Upgrade "1"' in host.check_output("apt-config dump | sed 's/::/ /g'")
    assert host.file("/proc/sys/net/ipv4/conf/all/accept_redirects").content_string == "0\n"
    assert host.check_output("find /etc/ssh/ssh_host_*_key /root/.ssh -type f ! -name '*.pub' -perm /077") == ""
    assert host.check_output("systemctl is-system-running") == "running"


def test_it_says_plainly_what_a_container_cannot_have(set_up: SetUp) -> None:
    assert [notice for notice in set_up.outcome.notices if "no auditd and no time synchronisation" in notice]
    assert not inside(set_up.host).package("auditd").is_installed


def test_drift_is_named_and_repaired(set_up: SetUp) -> None:
    changes = {
        "hardening: Let people log in with keys alone": f"echo 'PasswordAuthentication yes' >{SSHD}",
        "hardening: Open the listed ports and no others": "sed -i s/drop/accept/ /etc/trivet/firewall.nft",
        "hardening: Have these rules in force, and no others": "nft delete table inet trivet",
        "hardening: Have the kernel go by them now": "sysctl -qw net.ipv4.tcp_syncookies=0",
        "hardening: Install security upgrades by itself": "rm /etc/apt/apt.conf.d/90trivet-upgrades",
        "hardening: Have the units run, now and after a boot (unattended-upgrades.service)": (
            "systemctl disable --now unattended-upgrades 2>/dev/null"
        ),
        "hardening: Let nobody but their owners read secrets (/etc/ssh/ssh_host_ed25519_key)": (
            "chmod 644 /etc/ssh/ssh_host_ed25519_key"
        ),
    }
    for change in changes.values():
        set_up.host.sh(change)
    assert changes.keys() <= play(set_up.target, "hardening", check=True).changes.keys()
    play(set_up.target, "hardening")
    assert play(set_up.target, "hardening", check=True).changes == {}


def test_rules_that_lock_us_out_are_taken_back_by_the_host_itself(set_up: SetUp) -> None:
    with pytest.raises(HostError, match="Confirm them over a second connection"):
        play(set_up.target, "hardening", hardening_ssh_port=2222, hardening_confirm_seconds=20)
    assert not is_open(set_up.host.address, 22), "the rules did lock us out"
    wait_until(lambda: is_open(set_up.host.address, 22), 40)
    assert "2222" not in set_up.host.sh("nft list table inet trivet; cat /etc/trivet/firewall.nft")
    play(set_up.target, "hardening")
    assert play(set_up.target, "hardening", check=True).changes == {}


def test_rules_that_were_not_confirmed_do_not_outlive_the_loss_of_power(set_up: SetUp) -> None:
    set_up.host.sh("sed -i 's/22, 8080/2222/' /etc/trivet/firewall.nft; /usr/local/lib/trivet/guard boot")
    assert "2222" not in set_up.host.sh("nft list table inet trivet; cat /etc/trivet/firewall.nft")
    assert is_open(set_up.host.address, 22)
