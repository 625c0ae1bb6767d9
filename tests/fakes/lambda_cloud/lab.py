"""Gives the fake's instances real machines: workstations of the lab, set up by their `user_data` as cloud-init would.

A machine has its power taken away when its instance ends.
"""

from __future__ import annotations

import contextlib
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.fakes.lambda_cloud.account import Account, Launch
from tools.lab.engine import docker
from tools.lab.workstation import Workstation, boot, remove
from trivet.errors import TrivetError

NEVER = 1e18
SET_UP = """
useradd --create-home --shell /bin/bash ubuntu
echo 'ubuntu ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/ubuntu
install -d -m 700 -o ubuntu -g ubuntu /home/ubuntu/.ssh
printf '%s\\n' {public_key} >/home/ubuntu/.ssh/authorized_keys
rm -f /etc/ssh/ssh_host_*
umask 077
printf '%s' {host_private} >/etc/ssh/ssh_host_ed25519_key
printf '%s\\n' {host_public} >/etc/ssh/ssh_host_ed25519_key.pub
systemctl restart ssh
"""


@contextlib.contextmanager
def lab_machines(account: Account, *, label: str, state: Path, cache: Path) -> Iterator[LabMachines]:
    """Real machines for the account's instances; afterwards there are none."""
    machines = LabMachines(account, label=label, state=state, cache=cache)
    try:
        yield machines
    finally:
        machines.join()
        remove(label)


def bridge() -> str:
    """This machine's address as workstations of the lab see it: what listens there, they reach."""
    return docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")


class LabMachines:
    """Boots a workstation for each instance. `machines`: by instance."""

    def __init__(self, account: Account, *, label: str, state: Path, cache: Path) -> None:
        self.machines: dict[str, Workstation] = {}
        self.errors: list[TrivetError] = []
        self._account = account
        self._label, self._state, self._cache = label, state, cache
        self._threads: list[threading.Thread] = []
        account.on_launch = self._start
        account.on_end = self._end

    def join(self) -> None:
        """Wait for boots that are under way."""
        for thread in self._threads:
            thread.join()

    def _start(self, launch: Launch) -> None:
        launch.up_at = NEVER
        thread = threading.Thread(target=self._boot, args=(launch,))
        self._threads.append(thread)
        thread.start()

    def _boot(self, launch: Launch) -> None:
        try:
            (machine,) = boot(
                1, variant="workstation", label=self._label, state=self._state, cache=self._cache, say=lambda _: None
            )
            self.machines[launch.id] = machine
            cloud_config: dict[str, Any] = YAML(typ="safe", pure=True).load(launch.body.user_data)
            for script in cloud_config["bootcmd"]:
                machine.sh(script)
            machine.sh(self._script(launch, cloud_config["ssh_keys"]))
        except TrivetError as exc:
            self.errors.append(exc)
            return
        launch.address = machine.address
        launch.up_at = self._account.monotonic()

    def _script(self, launch: Launch, host_keys: dict[str, str]) -> str:
        (name,) = launch.body.ssh_key_names
        public = next(key["public_key"] for key in self._account.keys.values() if key["name"] == name)
        return SET_UP.format(
            public_key=shlex.quote(public),
            host_private=shlex.quote(host_keys["ed25519_private"]),
            host_public=shlex.quote(host_keys["ed25519_public"]),
        )

    def _end(self, launch: Launch) -> None:
        if machine := self.machines.get(launch.id):
            machine.kill()
