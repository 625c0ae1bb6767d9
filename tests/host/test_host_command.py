"""`trivet host trust` and `inspect`, on a workstation of the lab."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.examples import ROOT
from tools.lab.workstation import Workstation


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def host(*args: str | Path, says: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "trivet.cli", "host", *map(str, args)]
    return subprocess.run(argv, input=says, capture_output=True, text=True, check=False, cwd=ROOT)


def fingerprint(workstation: Workstation) -> str:
    """As the host's own console shows it."""
    return workstation.sh("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]


def test_nothing_is_pinned_before_somebody_has_compared(workstation: Workstation, known_hosts: Path) -> None:
    shown = host("trust", workstation.address, "--known-hosts", known_hosts)
    assert shown.returncode == 2
    assert fingerprint(workstation) in shown.stderr
    wrong = host("trust", workstation.address, "--known-hosts", known_hosts, "--fingerprint", "SHA256:other")
    assert wrong.returncode == 2
    assert not known_hosts.exists()


def test_the_right_fingerprint_pins_the_key_for_openssh_too(workstation: Workstation, known_hosts: Path) -> None:
    args = ("trust", workstation.address, "--known-hosts", known_hosts, "--fingerprint", fingerprint(workstation))
    assert host(*args).returncode == 0
    before = known_hosts.read_text()
    assert "already" in host(*args).stdout
    assert known_hosts.read_text() == before
    strict = ["-o", f"UserKnownHostsFile={known_hosts}", "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"]
    login = ["ssh", "-F", "none", "-i", str(workstation.key), *strict, f"root@{workstation.address}", "true"]
    assert subprocess.run(login, check=False).returncode == 0


def test_another_pin_is_replaced_only_when_that_is_said(workstation: Workstation, known_hosts: Path) -> None:
    other = subprocess.run(["ssh-keygen", "-y", "-f", workstation.key], capture_output=True, text=True, check=True)
    known_hosts.write_text(f"{workstation.address} {other.stdout}")
    args = ("trust", workstation.address, "--known-hosts", known_hosts, "--fingerprint", fingerprint(workstation))
    refused = host(*args)
    assert refused.returncode == 2
    assert "another one is pinned" in refused.stderr
    assert host(*args, "--replace").returncode == 0
    assert "already" in host(*args).stdout


def test_a_host_tells_what_it_is_and_whether_the_stack_fits(workstation: Workstation, known_hosts: Path) -> None:
    host("trust", workstation.address, "--known-hosts", known_hosts, "--fingerprint", fingerprint(workstation))
    args = ("inspect", f"admin@{workstation.address}", "--known-hosts", known_hosts, "--key-file", workstation.key)
    done = host(*args, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    facts = answer["facts"]
    assert (facts["driver"]["state"], facts["cards"]) == ("absent", [])
    assert facts["machine"]["system"].startswith("Debian GNU/Linux 13")
    assert facts["engine"]["driver"] == "overlay2"
    assert "0.0.0.0:22" in facts["ports"]
    assert all(verdict["met"] for verdict in answer["fit"].values())
    assert "no model asks for one" in host(*args).stdout


def test_an_unknown_host_is_not_inspected(workstation: Workstation, known_hosts: Path) -> None:
    done = host("inspect", workstation.address, "--known-hosts", known_hosts, "--key-file", workstation.key)
    assert done.returncode == 2
    assert "trivet host trust" in done.stderr
