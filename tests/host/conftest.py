"""Workstations of the lab: real hosts with systemd, sshd and an engine of their own."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from tools.lab.engine import docker
from tools.lab.image import Variant
from tools.lab.workstation import LABEL, Workstation, boot, remove

CACHE = ROOT / ".trivet" / "cache" / "lab"
NewWorkstation = Callable[..., Workstation]


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
