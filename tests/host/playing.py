"""Roles, played on a workstation of the lab as Trivet plays them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import testinfra

from tests.program.stack import eventually
from tools.lab.workstation import Workstation
from trivet.drivers.ansible import Outcome, Play, Player
from trivet.drivers.ansible.inventory import CONTROL, connection_variables
from trivet.drivers.ansible.roles import PROGRAMS, ROLES
from trivet.spec.ssh import SshTarget

OPEN_PORT, SHUT_PORT = 8080, 9999


def play(target: SshTarget, *roles: str, check: bool = False, password: str | None = None, **more: Any) -> Outcome:
    """What the roles did, or would do. `more` are further variables."""
    variables = {
        "workstation_roles": list(roles),
        "hardening_root_login": target.user == "root",
        "hardening_open_ports": [OPEN_PORT],
        **more,
    }
    return Player(target, password).run(Play(variables), lambda _: None, check=check)


def ansible_playbook(target: SshTarget, variables: Mapping[str, Any]) -> float:
    """Seconds that `ansible-playbook` itself takes for the roles, which must change nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        return _timed(target, variables, Path(scratch))


def _timed(target: SshTarget, variables: Mapping[str, Any], scratch: Path) -> float:
    (scratch / CONTROL).mkdir()
    host = connection_variables(target, scratch)
    (scratch / "hosts.json").write_text(json.dumps({"all": {"hosts": {target.address: host}}}))
    (scratch / "variables.json").write_text(json.dumps(variables))
    argv = [str(PROGRAMS / "ansible-playbook"), "-i", "hosts.json", "-e", "@variables.json"]
    started = time.monotonic()
    done = subprocess.run(
        [*argv, str(ROLES / "playbooks" / "workstation.yml")],
        cwd=scratch,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROLES / "ansible.cfg"), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - started
    assert done.returncode == 0, done.stdout
    assert "changed=0" in done.stdout
    return took


def inside(host: Workstation) -> testinfra.host.Host:
    return testinfra.get_host(f"docker://{host.name}")


def is_open(address: str, port: int) -> bool:
    """Whether something there takes a connection from here."""
    try:
        with socket.create_connection((address, port), timeout=2):
            return True
    except OSError:
        return False


def seen_ports(address: str) -> list[int]:
    """Of the well-known ports, those of engines and databases, and ours: what takes a connection from here."""
    ports = sorted({*range(1, 1100), 2019, 2375, 2376, 5432, 8000, OPEN_PORT, 9090, SHUT_PORT})
    with ThreadPoolExecutor(256) as pool:
        found = list(pool.map(lambda port: is_open(address, port), ports))
    return [port for port, is_seen in zip(ports, found, strict=True) if is_seen]


@contextlib.contextmanager
def listening(host: Workstation, port: int) -> Iterator[None]:
    """Something on the host listens on a port of every address, as long as it lasts."""
    host.sh(f"systemd-run --quiet --collect --unit=planted python3 -m http.server {port}")
    try:
        eventually(lambda: host.sh(f"grep -c ':{port:04X} .* 0A ' /proc/net/tcp || :") == "1")  # proc_net_tcp(5)
        yield
    finally:
        host.sh("systemctl stop planted")
