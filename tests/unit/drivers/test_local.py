"""This machine as a host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.drivers.host_contract import Connect, HostContract
from trivet.drivers.local import LocalHost
from trivet.errors import HostError


class TestLocalHost(HostContract):
    @pytest.fixture
    def connect(self) -> Connect:
        return LocalHost

    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        (tmp_path / "root").mkdir()
        return str(tmp_path / "root")


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


def test_a_strict_umask_keeps_no_container_out(host: LocalHost, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        host.write(str(tmp_path / "etc" / "gateway.json"), b"{}")
    finally:
        os.umask(before)
    assert (tmp_path / "etc").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc" / "gateway.json").stat().st_mode & 0o777 == 0o644


def test_a_lock_lasts_as_long_as_what_a_killed_run_had_started(host: LocalHost, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from trivet.drivers.local import LocalHost\n"
        "host = LocalHost()\n"
        "with host.lock(sys.argv[1], timeout=1, report=print):\n"
        "    host.run(['sh', '-c', 'echo started >&2; exec sleep 2'], on_line=lambda _: print('go', flush=True))\n"
    )
    path = str(tmp_path / "x.lock")
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"go\n"
        os.kill(run.pid, signal.SIGKILL)
    with pytest.raises(HostError, match="another run"), host.lock(path, timeout=0.2, report=print):
        pass
    with host.lock(path, timeout=10, report=print):
        pass
