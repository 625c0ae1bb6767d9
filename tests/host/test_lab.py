"""The lab itself: what boots, what the bare one lacks, what is left of it."""

from __future__ import annotations

import subprocess

import testinfra

from tests.host.conftest import NewWorkstation
from tests.host.playing import SHUT_PORT, listening, seen_ports
from tools.lab.engine import docker
from tools.lab.image import PASSWORD, USER
from tools.lab.workstation import Workstation, remove


def inside(host: Workstation) -> testinfra.host.Host:
    return testinfra.get_host(f"docker://{host.name}")


def test_a_workstation_has_systemd_sshd_and_an_engine_of_its_own(workstation: Workstation) -> None:
    host = inside(workstation)
    assert host.check_output("systemctl is-system-running") == "running"
    assert all(host.service(name).is_running for name in ("ssh", "docker"))
    assert host.socket("tcp://0.0.0.0:22").is_listening
    assert host.check_output("docker info --format {{.Driver}}") == "overlay2"
    assert host.check_output("docker ps --all --quiet") == ""
    assert host.file("/etc/machine-id").content_string.strip() != ""


def test_the_key_lets_the_user_in_and_a_password_makes_it_root(workstation: Workstation) -> None:
    login = ["ssh", "-F", "none", "-i", str(workstation.key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    unpinned = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    sudo = ["sudo", "-k", "-S", "-p", "''", "id", "-un"]
    argv = [*login, *unpinned, f"{USER}@{workstation.address}", *sudo]
    right = subprocess.run(argv, input=f"{PASSWORD}\n", capture_output=True, text=True, check=False)
    wrong = subprocess.run(argv, input="wrong\n", capture_output=True, text=True, check=False)
    assert (right.returncode, right.stdout) == (0, "root\n")
    assert wrong.returncode == 1


def test_a_bare_one_has_nothing_else(new_workstation: NewWorkstation) -> None:
    host = inside(new_workstation("bare"))
    assert host.service("ssh").is_running
    assert host.check_output("python3 -c 'print(1)'") == "1"
    assert not any(host.exists(command) for command in ("docker", "sudo", "nft", "rsync"))


def test_two_workstations_are_two_machines_and_one_survives_the_loss_of_power(new_workstation: NewWorkstation) -> None:
    one, other = new_workstation(), new_workstation()
    keys = [inside(each).file("/etc/ssh/ssh_host_ed25519_key.pub").content_string for each in (one, other)]
    assert one.address != other.address
    assert keys[0] != keys[1]
    one.kill()
    again = one.start()
    assert inside(again).file("/etc/ssh/ssh_host_ed25519_key.pub").content_string == keys[0]


def test_removing_takes_away_what_belongs_to_the_label_alone(workstation: Workstation) -> None:
    assert remove("lab-test-none") == 0
    assert docker("inspect", "--format", "{{.State.Running}}", workstation.name) == "true"


def test_without_a_firewall_a_scan_sees_whatever_listens(workstation: Workstation) -> None:
    assert seen_ports(workstation.address) == [22]
    with listening(workstation, SHUT_PORT):
        assert seen_ports(workstation.address) == [22, SHUT_PORT]
