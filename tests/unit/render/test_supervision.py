"""What the stack's unit runs, with a Docker that does nothing: how it settles what an update left."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests.unit.drivers.installations import installation
from trivet.render import paths
from trivet.render.supervision import supervision

OLD, NEW = "services: old\n", "services: new\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A stack on which an update was cut off."""
    host, tools = tmp_path / "host", tmp_path / "bin"
    texts = {
        paths.SUPERVISE_SCRIPT: supervision(installation(tmp_path), str(host)).files[paths.SUPERVISE_SCRIPT],
        paths.COMPOSE_FILE: OLD,
        paths.NEXT_FILE: NEW,
        paths.CONFIG_FILE: "new",
        f"{paths.PREVIOUS_DIRECTORY}/gateway.json": "old",
        paths.DRAIN_FILE: paths.UPDATE_DRAINS,
    }
    for name, text in texts.items():
        (host / name).parent.mkdir(parents=True, exist_ok=True)
        (host / name).write_text(text)
    tools.mkdir()
    (tools / "docker").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n')
    (tools / "docker").chmod(0o755)
    return host


def start(root: Path) -> str:
    """What Docker was asked for."""
    asked = root.parent / "asked"
    environment = {**os.environ, "PATH": f"{root.parent}/bin:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", str(root / paths.SUPERVISE_SCRIPT), "start"], check=True, timeout=20, env=environment)
    return asked.read_text() if asked.exists() else ""


def test_an_update_that_never_became_ready_is_taken_back(root: Path) -> None:
    assert f"--file {paths.COMPOSE_FILE} up" in start(root)
    assert (root / paths.CONFIG_FILE).read_text() == "old"
    assert not (root / paths.NEXT_FILE).exists()
    assert not (root / paths.DRAIN_FILE).exists()
    assert not Path(f"{root}.lock").exists()


def test_one_that_did_keeps_its_configuration(root: Path) -> None:
    (root / paths.COMPOSE_FILE).write_text(NEW)
    start(root)
    assert (root / paths.CONFIG_FILE).read_text() == "new"
    assert not (root / paths.NEXT_FILE).exists()


def test_what_somebody_else_drains_for_stays(root: Path) -> None:
    (root / paths.DRAIN_FILE).write_text("")
    start(root)
    assert (root / paths.DRAIN_FILE).exists()


@pytest.mark.parametrize("lock", [".lock", ".lock.commands"])
def test_while_a_run_or_what_it_had_started_goes_on_nothing_is_touched(root: Path, lock: str) -> None:
    with Path(f"{root}{lock}").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert start(root) == ""
        assert (root / paths.NEXT_FILE).exists()
    assert "up" in start(root)
