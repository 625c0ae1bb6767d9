"""How Ansible's ssh plugin is told to go: checked by OpenSSH itself (`ssh -G`)."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from trivet.drivers.ansible.inventory import connection_variables
from trivet.spec.ssh import SshTarget

TARGET = SshTarget(address="gpu1.example.org", port=2222, user="ai", key_file="keys/my key", sudo=True)


def understood(options: str) -> dict[str, str]:
    done = subprocess.run(["ssh", *shlex.split(options), "-G", "gpu1"], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def test_it_is_as_strict_as_our_driver_over_one_shared_connection(tmp_path: Path) -> None:
    variables = connection_variables(TARGET, tmp_path)
    found = understood(variables["ansible_ssh_args"])
    assert (found["stricthostkeychecking"], found["batchmode"], found["controlmaster"]) == ("true", "yes", "auto")
    assert found["controlpath"].startswith(str(tmp_path))
    assert found["identityfile"] == str(Path.cwd() / "keys" / "my key")
    assert found["userknownhostsfile"] == str(Path.cwd() / ".trivet" / "known_hosts")
    assert (variables["ansible_user"], variables["ansible_port"], variables["ansible_become"]) == ("ai", 2222, True)


def test_a_fresh_connection_shares_nothing(tmp_path: Path) -> None:
    found = understood(connection_variables(TARGET, tmp_path)["fresh_ssh_args"])
    assert found["controlmaster"] == "false"
    assert "controlpath" not in found
