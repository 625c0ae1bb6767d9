"""Cloud-init for a node: the golden text, and the script that arms the watchdog as a shell runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.unit.examples import ROOT
from trivet.drivers.rented.guard_files import guard_files
from trivet.idle.charter import Charter
from trivet.idle.watchdog import Terms
from trivet.render.cloud_init import HostKey, NodeSetup, Way, cloud_init

GOLDEN = ROOT / "tests" / "cases" / "cloud_init" / "user-data.yaml"
SETUP = NodeSetup(
    charter=Charter("gpuaas", "0123456789abcdef", 1_800_000_000, 1_800_028_800, 1_800_086_400),
    terms=Terms(),
    modules={"trivet/__init__.py": "", "trivet/idle/guard.py": "print('$HOME `id` \"quoted\"')\n"},
    sources=("http://127.0.0.1:8080/metrics",),
    drain_file="/opt/trivet/gpuaas/etc/draining",
    host_key=HostKey(private="-----BEGIN-----\nhost\n-----END-----\n", public="ssh-ed25519 AAAA"),
    way=Way("lambda", {"url": "https://cloud.lambda.ai/api/v1"}, key="secret_canary"),
)


def document(setup: NodeSetup) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(cloud_init(setup))
    return loaded


def test_the_text_is_the_golden_one() -> None:
    assert cloud_init(SETUP) == GOLDEN.read_text()


def test_the_watchdog_comes_first_and_whole() -> None:
    (script,) = document(replace(SETUP, modules=guard_files()))["bootcmd"]
    assert script.rstrip().endswith("systemctl enable --now --no-block trivet-guard.service")
    assert "apt" not in script


def test_without_a_key_none_is_on_the_node() -> None:
    text = cloud_init(replace(SETUP, way=None))
    assert "guard.key" not in text
    assert '"lambda"' not in text


def test_passwords_are_refused_and_the_nodes_identity_is_ours() -> None:
    data = document(SETUP)
    assert (data["ssh_pwauth"], data["ssh_keys"]["ed25519_private"]) == (False, SETUP.host_key.private)


def test_a_text_that_holds_the_delimiter_is_refused() -> None:
    with pytest.raises(ValueError, match="TRIVET_END_OF_FILE"):
        cloud_init(replace(SETUP, modules={"x.py": "TRIVET_END_OF_FILE\n"}))


def test_a_node_with_everything_is_far_below_what_the_provider_takes() -> None:
    assert len(cloud_init(replace(SETUP, modules=guard_files()))) < 100_000


def test_a_shell_writes_the_files_as_they_are_and_starts_the_guard(tmp_path: Path) -> None:
    modules = {**guard_files(), **SETUP.modules, "trivet/idle/guard.py": guard_files()["trivet/idle/guard.py"]}
    modules["odd.py"] = SETUP.modules["trivet/idle/guard.py"]
    (script,) = document(replace(SETUP, modules=modules))["bootcmd"]
    for place in ("/opt/", "/etc/"):
        script = script.replace(f"mkdir -p {place}", f"mkdir -p {tmp_path}{place}")
        script = script.replace(f"cat >{place}", f"cat >{tmp_path}{place}")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/systemctl\n')
    (tools / "systemctl").chmod(0o755)
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", script], env=env, check=True)
    assert (tmp_path / "opt/trivet/guard/odd.py").read_text() == SETUP.modules["trivet/idle/guard.py"]
    assert (tmp_path / "etc/trivet/guard.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/trivet/guard.json").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "systemctl").read_text().splitlines() == [
        "daemon-reload",
        "enable --now --no-block trivet-guard.service",
    ]
    run = [sys.executable, "-S", "-c", "import trivet.idle.guard"]
    subprocess.run(run, env={"PYTHONPATH": str(tmp_path / "opt/trivet/guard")}, check=True, cwd=tmp_path)
