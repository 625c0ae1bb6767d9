"""A killed engine's lock is cancelled; a living one's never."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from trivet.cli.pulumi import Pulumi, PulumiError

STACK = "onprem"


@pytest.fixture
def backend(tmp_path: Path) -> Path:
    (tmp_path / "state/.pulumi/locks/organization/inference" / STACK).mkdir(parents=True)
    return tmp_path / "state"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` on PATH that writes down how it was called."""
    program = tmp_path / "bin/pulumi"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    (tmp_path / "calls").touch()
    return tmp_path / "calls"


def lock(backend: Path, pid: int, hostname: str = "") -> None:
    text = json.dumps({"pid": pid, "username": "root", "hostname": hostname or socket.gethostname(), "timestamp": ""})
    (backend / ".pulumi/locks/organization/inference" / STACK / "1.json").write_text(text)


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_lock_of_a_process_that_is_gone_is_cancelled(backend: Path, calls: Path, tmp_path: Path) -> None:
    lock(backend, dead_pid())
    Pulumi(tmp_path, STACK).clear_dead_lock(f"file://{backend}")
    assert calls.read_text() == "cancel --yes --stack onprem\n"


def test_a_pid_that_now_belongs_to_another_program_counts_as_gone(backend: Path, calls: Path, tmp_path: Path) -> None:
    lock(backend, os.getpid())
    Pulumi(tmp_path, STACK).clear_dead_lock(f"file://{backend}")
    assert calls.read_text() != ""


def test_the_lock_of_a_running_engine_is_left_alone(backend: Path, calls: Path, tmp_path: Path) -> None:
    running = tmp_path / "pulumi"
    running.symlink_to("/bin/sleep")
    with subprocess.Popen([running, "60"]) as process:
        while Path(f"/proc/{process.pid}/comm").read_text() != "pulumi\n":
            time.sleep(0.001)  # the kernel names a process a moment after it began
        lock(backend, process.pid)
        Pulumi(tmp_path, STACK).clear_dead_lock(f"file://{backend}")
        process.kill()
    assert calls.read_text() == ""


def test_a_lock_from_another_machine_is_left_alone(backend: Path, calls: Path, tmp_path: Path) -> None:
    lock(backend, dead_pid(), "another-host")
    Pulumi(tmp_path, STACK).clear_dead_lock(f"file://{backend}")
    assert calls.read_text() == ""


def test_another_stack_s_lock_is_left_alone(backend: Path, calls: Path, tmp_path: Path) -> None:
    lock(backend, dead_pid())
    Pulumi(tmp_path, "cloud").clear_dead_lock(f"file://{backend}")
    assert calls.read_text() == ""


def test_a_remote_backend_is_left_alone(calls: Path, tmp_path: Path) -> None:
    Pulumi(tmp_path, STACK).clear_dead_lock("s3://bucket")
    assert calls.read_text() == ""


def test_a_missing_cli_names_the_command_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PulumiError, match="make setup"):
        Pulumi(tmp_path, STACK).select()
