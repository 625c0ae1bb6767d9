"""A real stack on a workstation of the lab, driven by the real Pulumi CLI from here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.program.stack import Stack
from tools.lab.engine import docker
from tools.lab.image import PASSWORD
from tools.lab.workstation import Workstation
from trivet.drivers.ssh.dial import host_key
from trivet.drivers.ssh.pins import Pins
from trivet.spec.ssh import SshTarget

ROOT = "/srv/trivet"
PORT = 8080


class RemoteStack(Stack):
    """A project directory here, and its stack there: as `admin` through sudo with a password, or as root."""

    def __init__(
        self, project: Path, host: Workstation, *, as_root: bool = False, settings: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(project)
        self.workstation = host
        self.known_hosts = project / "known_hosts"
        self.port = PORT
        self.settings |= {"target": "ssh", "bind": "0.0.0.0", "port": self.port, "root": ROOT}  # noqa: S104
        self.settings["host"] = {
            "address": host.address,
            "user": "root" if as_root else host.user,
            "keyFile": str(host.key),
            "knownHosts": str(self.known_hosts),
            "sudo": not as_root,
        }
        self.settings |= settings or {}
        self.trust(host)
        self.write()
        if not as_root:
            self.set_password(PASSWORD)

    def trust(self, host: Workstation) -> None:
        """Pin a workstation's key."""
        target = SshTarget(address=host.address, known_hosts=str(self.known_hosts))
        Pins(self.known_hosts).add(target, host_key(target))

    def set_password(self, password: str) -> None:
        """Set the config secret sudoPassword."""
        self.set_secret("sudoPassword", password)

    def docker(self, *args: str) -> str:
        """See Stack: the engine inside the workstation."""
        return docker("exec", self.workstation.name, "docker", *args)

    @property
    def url(self) -> str:
        """The gateway, from here."""
        return f"http://{self.workstation.address}:{self.port}/v1"

    def leftovers(self) -> dict[str, list[str]]:
        """Whatever there is of the project, by kind; every image, file and unit on the host too."""
        there = self.workstation.sh(f"find {ROOT} -mindepth 1 2>/dev/null; docker images --quiet").split()
        units = self.workstation.sh(f"find /etc/systemd/system -name '{self.compose_project}*'").split()
        return {**super().leftovers(), "there": there, "units": units}
