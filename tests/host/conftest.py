"""Workstations of the lab: real hosts with systemd, sshd and an engine of their own."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.host.playing import play
from tests.unit.examples import ROOT
from tools.lab.engine import docker
from tools.lab.image import Variant
from tools.lab.workstation import LABEL, Workstation, boot, remove
from trivet.drivers.ansible import Outcome
from trivet.drivers.ssh.dial import host_key
from trivet.drivers.ssh.pins import Pins
from trivet.spec.ssh import SshTarget

CACHE = ROOT / ".trivet" / "cache" / "lab"


@dataclass(frozen=True)
class SetUp:
    """A workstation, and what the roles said and did there."""

    host: Workstation
    target: SshTarget
    preview: Outcome
    outcome: Outcome


NewWorkstation = Callable[..., Workstation]
Pinned = Callable[..., SshTarget]


@contextlib.contextmanager
def lab() -> Iterator[str]:
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
    with lab() as label:
        yield boot(1, variant="workstation", label=label, state=lab_key, cache=CACHE, say=print)[0]


@pytest.fixture
def new_workstation(lab_key: Path) -> Iterator[NewWorkstation]:
    """Boots workstations of a test's own, to be broken."""
    with lab() as label:

        def make(variant: Variant = "workstation") -> Workstation:
            return boot(1, variant=variant, label=label, state=lab_key, cache=CACHE, say=print)[0]

        yield make


@pytest.fixture(scope="session")
def set_up(lab_key: Path) -> Iterator[SetUp]:
    """A bare one on which `engine` and `hardening` were played. Leave it as you found it."""
    with lab() as label:
        host = boot(1, variant="bare", label=label, state=lab_key, cache=CACHE, say=print)[0]
        known_hosts = lab_key / "known_hosts"
        target = SshTarget(address=host.address, key_file=str(host.key), known_hosts=str(known_hosts))
        Pins(known_hosts).add(target, host_key(target))
        preview = play(target, "engine", "hardening", check=True)
        yield SetUp(host, target, preview, play(target, "engine", "hardening"))


@pytest.fixture
def pinned(tmp_path: Path) -> Pinned:
    """How a workstation is reached, its key pinned in a file of the test's own."""

    def target(host: Workstation, **changes: Any) -> SshTarget:
        settings = {"address": host.address, "user": host.user, "key_file": str(host.key)}
        made = SshTarget(**{**settings, "known_hosts": str(tmp_path / "known_hosts"), **changes})
        Pins(Path(made.known_hosts)).add(made, host_key(made))
        return made

    return target
