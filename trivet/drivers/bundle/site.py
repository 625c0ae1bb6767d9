"""Where an installation is worked on: the host, its engine, the operator's store and keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trivet.bundle.layout import Layout
from trivet.drivers.bundle.keys import KeyRing
from trivet.drivers.engine.docker import Docker
from trivet.drivers.host import Host, Report
from trivet.render import Installation
from trivet.render.supervision import start_seconds

LOCK_SECONDS = 900.0
LOCK_GRACE = 30  # beyond what the stack's unit has to start it, at boot


def lock_seconds(wait_seconds: int) -> float:
    """Time to wait for an installation's lock: a killed run's Compose, or the unit, goes on until all is healthy."""
    return max(LOCK_SECONDS, start_seconds(wait_seconds) + LOCK_GRACE)


@dataclass(frozen=True)
class Site:
    """One installation and everything that it is worked on with."""

    installation: Installation
    host: Host
    report: Report

    @property
    def docker(self) -> Docker:
        """The host's engine."""
        return Docker(self.host)

    @property
    def keys(self) -> KeyRing:
        """The operator's keys."""
        host = self.installation.host
        return KeyRing(Path(self.installation.key_directory), *([host.resource_name] if host else []))

    def store(self) -> Layout:
        """The operator's store.

        Raises:
            IntegrityError: there is none.
        """
        return Layout(Path(self.installation.store))

    def path(self, name: str) -> str:
        """A path below the installation's root."""
        return f"{self.installation.root}/{name}"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone on this installation. The lock's file is gone afterwards."""
        path = f"{self.installation.root}.lock"
        with self.host.lock(path, timeout=lock_seconds(self.installation.wait_seconds), report=self.report):
            try:
                yield
            finally:
                self.host.remove(path)
