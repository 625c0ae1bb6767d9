"""`make fake-clouds`, as a person runs it: it says where it is, is asked, and goes with Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.fakes.clouds import LABEL
from tests.program.stack import docker
from tests.unit.examples import ROOT

PORTS = ("--lambda-port", "0", "--modal-port", "0", "--registry-port", "0")
LAST = "# Ctrl-C here"


@pytest.fixture
def clouds() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.fakes.clouds", *PORTS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_what_it_prints_leads_there_and_ctrl_c_ends_it(clouds: subprocess.Popen[str]) -> None:
    assert clouds.stdout is not None
    said = ""
    for line in clouds.stdout:
        said += line
        if line.startswith(LAST):
            break
    exports = dict(re.findall(r"(\w+)=(\S+)", "\n".join(re.findall(r"^export (.*)$", said, re.MULTILINE))))
    command = [sys.executable, "-m", "trivet.cli", "reap", "--dry-run"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **exports}, capture_output=True, text=True, check=True, timeout=60
    )
    assert "0 nodes of ours, 0 to end or ended, 0 failures" in done.stdout
    assert "0 apps of ours, 0 to end or ended, 0 failures" in done.stdout
    clouds.send_signal(signal.SIGINT)
    clouds.send_signal(signal.SIGINT)  # by somebody impatient
    assert clouds.wait(60) == 0
    assert docker("ps", "--all", "--quiet", "--filter", f"label=dev.trivet.lab={LABEL}") == ""
