"""A real host over SSH: the same contract as this machine, as root and through sudo with a password."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.host.conftest import Pinned
from tests.unit.drivers.host_contract import Connect, HostContract
from tools.lab.image import PASSWORD
from tools.lab.workstation import Workstation
from trivet.drivers.ssh import SshHost
from trivet.spec.ssh import SshTarget


class SshContract(HostContract):
    @pytest.fixture
    def root(self, workstation: Workstation, target: SshTarget) -> Iterator[str]:
        path = f"/var/tmp/{uuid.uuid4().hex}"
        workstation.sh(f"install -d -o {'root' if target.sudo else target.user} {path}")
        yield path
        workstation.sh(f"rm -rf {path}")

    @pytest.fixture
    def connect(self, target: SshTarget) -> Iterator[Connect]:
        made: list[SshHost] = []

        def one_more() -> SshHost:
            made.append(SshHost(target, PASSWORD if target.sudo else None))
            return made[-1]

        yield one_more
        for each in made:
            each.close()


class TestRoot(SshContract):
    @pytest.fixture
    def target(self, workstation: Workstation, pinned: Pinned) -> SshTarget:
        return pinned(workstation, user="root")


class TestSudo(SshContract):
    @pytest.fixture
    def target(self, workstation: Workstation, pinned: Pinned) -> SshTarget:
        return pinned(workstation, sudo=True)
