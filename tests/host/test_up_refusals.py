"""What ends an `up` over SSH before anything is changed on the host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.stack import ROOT, RemoteStack
from tools.lab.workstation import Workstation

WRONG = "wrong-battery-staple"


@pytest.fixture
def stack(tmp_path: Path, workstation: Workstation) -> Iterator[RemoteStack]:
    """One that is not deployed, and never comes to be."""
    made = RemoteStack(tmp_path, workstation)
    yield made
    made.destroy()
    assert not any(made.leftovers().values()), made.leftovers()


def test_a_wrong_sudo_password(stack: RemoteStack) -> None:
    stack.set_password(WRONG)
    stack.write()
    said = stack.up(fails=True)
    assert "config set --secret sudoPassword" in said
    assert WRONG not in said + stack.state()
    assert not any(stack.leftovers().values())


def test_a_host_without_room_for_the_models(stack: RemoteStack, workstation: Workstation) -> None:
    workstation.sh(f"mkdir -p {ROOT} && mount -t tmpfs -o size=20m none {ROOT}")
    try:
        said = stack.up(fails=True)
        assert "MiB are needed for models" in said
        assert workstation.sh(f"ls -A {ROOT}") == ""
        assert stack.containers() == {}
        assert stack.docker("images", "--quiet") == ""
    finally:
        workstation.sh(f"umount {ROOT}")
