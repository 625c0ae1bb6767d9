"""The directory of a play: nothing that was in it outlives its users, and nobody takes away another's."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.drivers.ansible.scratch import scratch, sweep

PLAY = """
import subprocess, sys
from trivet.drivers.ansible.scratch import scratch
with scratch() as made:
    (made.directory / "secret").write_text("canary")
    child = subprocess.Popen(["sleep", "60"], pass_fds=(made.lock,))
    print(child.pid, made.directory, flush=True)
    child.wait()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def killed(temporary: Path) -> Iterator[tuple[int, Path]]:
    """A play that was killed: what it started, which runs on, and its directory."""
    environ = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, "-c", PLAY], stdout=subprocess.PIPE, text=True, env=environ) as play:
        assert play.stdout
        child, directory = play.stdout.readline().split()
        play.kill()
    yield int(child), Path(directory)
    if Path(f"/proc/{child}").exists():
        os.kill(int(child), signal.SIGKILL)


def ended(process: int) -> None:
    """End a process and wait until it holds nothing any more."""
    handle = os.pidfd_open(process)
    os.kill(process, signal.SIGKILL)
    with os.fdopen(handle, "rb", buffering=0):
        select.select([handle], [], [], 10)


def test_a_directory_is_ours_alone_and_gone_afterwards(temporary: Path) -> None:
    with scratch() as made:
        assert made.directory.stat().st_mode & 0o777 == 0o700
        assert made.directory.parent == temporary
    assert list(temporary.iterdir()) == []


def test_what_a_killed_play_left_is_taken_away_once_what_it_started_has_ended(killed: tuple[int, Path]) -> None:
    child, directory = killed
    sweep()
    assert (directory / "secret").exists(), "ansible-runner still plays"
    ended(child)
    sweep()
    assert not directory.exists()


def test_one_that_is_in_use_or_somebody_elses_is_left_alone(temporary: Path) -> None:
    other = temporary / "tv-other"
    (other / "c").mkdir(parents=True)
    os.chown(other / "c", 12345, 12345)
    with scratch() as made:
        sweep()
        assert made.directory.exists()
    assert other.exists()
