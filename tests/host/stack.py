"""A real stack on a workstation of the lab, driven by the real Pulumi CLI from here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.program.stack import Stack
from tools.lab.engine import docker
from tools.lab.image import PASSWORD
from tools.lab.workstation import Workstation
from trivet.drivers.ssh.dial import host_key
from trivet.drivers.ssh.pins import Pins
from trivet.spec.ssh import SshTarget

ROOT = "/srv/trivet"


class RemoteStack(Stack):
    """A project directory here, and its stack there: as `admin` through sudo with a password."""

    def __init__(self, project: Path, workstation: Workstation) -> None:
        super().__init__(project)
        self.workstation = workstation
        self.known_hosts = project / "known_hosts"
        self.port = 8080
        self.settings |= {"target": "ssh", "bind": "0.0.0.0", "port": self.port, "root": ROOT}  # noqa: S104
        self.settings["host"] = {
            "address": workstation.address,
            "user": workstation.user,
            "keyFile": str(workstation.key),
            "knownHosts": str(self.known_hosts),
            "sudo": True,
        }
        self.trust()
        self.write()
        self.set_password(PASSWORD)

    def trust(self) -> None:
        """Pin the workstation's key."""
        target = SshTarget(address=self.workstation.address, known_hosts=str(self.known_hosts))
        Pins(self.known_hosts).add(target, host_key(target))

    def set_password(self, password: str) -> None:
        """Set the config secret sudoPassword."""
        self.pulumi("config", "set", "--secret", "sudoPassword", password)
        document: dict[str, Any] = YAML(typ="safe").load(self._settings_file.read_text())
        self.settings["sudoPassword"] = document["config"]["inference:sudoPassword"]

    def docker(self, *args: str) -> str:
        """See Stack: the engine inside the workstation."""
        return docker("exec", self.workstation.name, "docker", *args)

    @property
    def url(self) -> str:
        """The gateway, from here."""
        return f"http://{self.workstation.address}:{self.port}/v1"

    def leftovers(self) -> dict[str, list[str]]:
        """Whatever there is of the project, by kind; every image and file on the host too."""
        there = self.workstation.sh(f"find {ROOT} -mindepth 1 2>/dev/null; docker images --quiet").split()
        return {**super().leftovers(), "there": there}
