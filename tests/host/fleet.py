"""The same real stack on several workstations of the lab."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.host.stack import RemoteStack
from tools.lab.engine import docker
from tools.lab.workstation import Workstation

# Not a word comes in, and nobody is told: a cable that was pulled. What the host says to itself goes on.
CUT = "nft 'table inet cut { chain input { type filter hook input priority -300; iifname eth0 drop; }; }'"
MEND = "nft delete table inet cut"


class Fleet(RemoteStack):
    """A project directory here, and its stack on each host, as root."""

    def __init__(self, project: Path, hosts: Sequence[Workstation], *, max_unavailable: int) -> None:
        super().__init__(project, hosts[0], as_root=True)
        self.hosts = hosts
        way = self.settings.pop("host")
        self.settings["hosts"] = [{**way, "address": host.address} for host in hosts]
        self.settings["maxUnavailable"] = max_unavailable
        for host in hosts[1:]:
            self.trust(host)
        self.write()

    def everywhere(self) -> list[dict[str, tuple[str, str]]]:
        """What `started` says of each host."""
        return [self.started() for _ in self._each()]

    def docker(self, *args: str) -> str:
        """See Stack: the engine of the host that `workstation` is."""
        return docker("exec", self.workstation.name, "docker", *args)

    def leftovers(self) -> dict[str, list[str]]:
        """Of each host."""
        found = {}
        for host in self._each():
            found |= {f"{host.name}: {kind}": left for kind, left in super().leftovers().items()}
        return found

    def wipe(self) -> None:
        """On each host."""
        for _ in self._each():
            super().wipe()

    def _each(self) -> Iterator[Workstation]:
        """Each host, which is then the one that everything asks."""
        for host in self.hosts:
            self.workstation = host
            yield host


@contextmanager
def unreachable(host: Workstation) -> Iterator[None]:
    """As long as it lasts, the host answers nobody."""
    host.sh(CUT)
    try:
        yield
    finally:
        host.sh(MEND)
