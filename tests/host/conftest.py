"""Workstations of the lab: real hosts with systemd, sshd and an engine of their own."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.examples import ROOT
from tools.lab.engine import docker
from tools.lab.image import Variant
from tools.lab.workstation import LABEL, Workstation, boot, remove
from trivet.drivers.ssh.dial import host_key
from trivet.drivers.ssh.pins import Pins
from trivet.spec.ssh import SshTarget

CACHE = ROOT / ".trivet" / "cache" / "lab"
NewWorkstation = Callable[..., Workstation]
Pinned = Callable[..., SshTarget]


@contextlib.contextmanager
def _lab() -> Iterator[str]:
    """A label whose workstations are gone afterwards, with their volumes."""
    label = f"lab-test-{uuid.uuid4().hex[:8]}"
    try:
        yield label
    finally:
        volumes = [_volume(name) for name in docker("ps", "-aq", "--filter", f"label={LABEL}={label}").split()]
        remove(label)
    assert not set(volumes) & set(docker("volume", "ls", "--quiet").split())


def _volume(container: str) -> str:
    return docker("inspect", "--format", '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}}{{end}}{{end}}', container)


@pytest.fixture(scope="session")
def lab_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the key that every workstation of this session lets in."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def workstation(lab_key: Path) -> Iterator[Workstation]:
    """One for the whole session. Leave it as you found it."""
    with _lab() as label:
        yield boot(1, variant="workstation", label=label, state=lab_key, cache=CACHE, say=print)[0]


@pytest.fixture
def new_workstation(lab_key: Path) -> Iterator[NewWorkstation]:
    """Boots workstations of a test's own, to be broken."""
    with _lab() as label:

        def make(variant: Variant = "workstation") -> Workstation:
            return boot(1, variant=variant, label=label, state=lab_key, cache=CACHE, say=print)[0]

        yield make


@pytest.fixture
def pinned(tmp_path: Path) -> Pinned:
    """How a workstation is reached, its key pinned in a file of the test's own."""

    def target(host: Workstation, **changes: Any) -> SshTarget:
        settings = {"address": host.address, "user": host.user, "key_file": str(host.key)}
        made = SshTarget(**{**settings, "known_hosts": str(tmp_path / "known_hosts"), **changes})
        Pins(Path(made.known_hosts)).add(made, host_key(made))
        return made

    return target
