"""`trivet chart`: values for a cluster, and the keys that it lets in."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.cli import main

SETTINGS = """\
config:
  inference:tier: onprem
  inference:target: kubernetes
  inference:region: here
  inference:kubernetes:
    registry: registry.example.com/trivet
    registryNetworks: [192.0.2.10/32]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("inference.yaml", "inference.lock", "Pulumi.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.cluster.yaml").write_text(SETTINGS)
    (tmp_path / "stacks" / "Pulumi.onprem.yaml").write_text("config: {inference:region: here}\n")
    return tmp_path


def run(project: Path, *words: str) -> int:
    return main(["chart", *words, "--project", str(project)])


def test_keys_are_made_once_and_their_hashes_lead_into_the_values(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(project, "keys", "--stack", "cluster", "--dry-run") == 0
    assert "would make" in capsys.readouterr().out
    assert not (project / ".trivet").exists()
    assert run(project, "keys", "--stack", "cluster", "--json") == 0
    made = json.loads(capsys.readouterr().out)["keys"]
    files = project / ".trivet" / "keys" / "cluster"
    for name, sha256 in made.items():
        assert hashlib.sha256((files / f"{name}.key").read_text().strip().encode()).hexdigest() == sha256
    assert run(project, "keys", "--stack", "cluster") == 0
    lines = set(capsys.readouterr().out.splitlines())
    assert lines == {f"pulumi config set --stack cluster --path kubernetes.keys.{k} {v}" for k, v in made.items()}
    settings = project / "stacks" / "Pulumi.cluster.yaml"
    settings.write_text(SETTINGS + "    keys:\n" + "".join(f'      {k}: "{v}"\n' for k, v in made.items()))
    assert run(project, "keys", "--stack", "cluster") == 0
    assert "every key has its hash" in capsys.readouterr().out
    assert run(project, "values", "--stack", "cluster", "--json") == 0
    assert json.loads(capsys.readouterr().out)["values"]["gateway"]["keys"] == made


def test_values_are_yaml_that_helm_reads(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, "values", "--stack", "cluster") == 0
    assert 'stack: "trivet-cluster"' in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("verb", ["values", "keys"])
def test_a_stack_for_another_target_is_refused(project: Path, verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(project, verb, "--stack", "onprem") == 2
    assert "target local" in capsys.readouterr().err
