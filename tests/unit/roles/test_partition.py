"""The program that carries out a plan of the cards, with NVIDIA's tools standing in on the wire."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.examples import ROOT
from tests.unit.roles.loading import load

partition = load("gpu_partition", "partition")
CUT = [
    {"card": "GPU-a", "slices": ["3g.40gb", "1g.10gb", "1g.10gb"], "models": ["chat", "embed", "rerank"]},
    {"card": "GPU-b", "slices": [], "models": ["small", "tiny"]},
]
WHOLE = [{"card": "GPU-a", "slices": [], "models": ["chat"]}, {"card": "GPU-b", "slices": [], "models": ["chat"]}]


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """NVIDIA's tools, and files of this test's own."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("nvidia-smi", "nvidia-ctk"):
        (directory / name).symlink_to(ROOT / "tests" / "fakes" / "nvidia_tools.py")
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)
    monkeypatch.setenv("NVIDIA_STATE", str(tmp_path / "state.json"))
    monkeypatch.setattr(partition, "PLAN", tmp_path / "plan.json")
    monkeypatch.setattr(partition, "NAMES", tmp_path / "cdi" / "trivet.json")
    return tmp_path


def run(verb: str, plan: list[dict[str, Any]]) -> int:
    partition.PLAN.write_text(json.dumps(plan))
    return int(partition.main([verb]))


def nodes() -> dict[str, list[str]]:
    """Device nodes by model."""
    document = json.loads(partition.NAMES.read_text())
    assert document["kind"] == "trivet.dev/gpu"
    return {
        each["name"]: [node["path"] for node in each["containerEdits"]["deviceNodes"]] for each in document["devices"]
    }


def test_a_card_is_cut_as_planned_and_each_model_has_a_slice_of_its_own() -> None:
    assert run("same", CUT) == 1
    assert run("apply", CUT) == 0
    assert run("same", CUT) == 0
    assert nodes() == {
        "chat": ["/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap1"],
        "embed": ["/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap2"],
        "rerank": ["/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap3"],
        "small": ["/dev/nvidia1"],
        "tiny": ["/dev/nvidia1"],
    }


def test_cards_that_are_as_planned_are_left_alone(tools: Path) -> None:
    run("apply", CUT)
    before = (tools / "state.json").read_text()
    assert run("apply", CUT) == 0
    assert (tools / "state.json").read_text() == before


def test_slices_that_somebody_changed_are_noticed_and_made_anew() -> None:
    run("apply", CUT)
    for what in ("-dci", "-dgi"):
        subprocess.run(["nvidia-smi", "mig", "-i", "GPU-a", what], check=True, capture_output=True)
    assert run("same", CUT) == 1
    assert run("apply", CUT) == 0
    assert nodes()["chat"] == ["/dev/nvidia0", "/dev/nvidia-caps/nvidia-cap4"], "a new slice has a new UUID"


def test_a_card_becomes_whole_again_and_a_model_on_two_has_both() -> None:
    run("apply", CUT)
    assert run("apply", WHOLE) == 0
    assert nodes() == {"chat": ["/dev/nvidia0", "/dev/nvidia1"]}
    assert run("same", WHOLE) == 0


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ([{"card": "GPU-a", "slices": ["7g.80gb", "1g.10gb"], "models": ["a", "b"]}], "Insufficient Resources"),
        ([{"card": "GPU-b", "slices": ["1g.10gb"], "models": ["a"]}], "Not Supported"),
        ([{"card": "GPU-c", "slices": [], "models": ["a"]}], "GPU-c is not there any more"),
    ],
)
def test_what_a_card_refuses_is_said(
    plan: list[dict[str, Any]], said: str, capsys: pytest.CaptureFixture[str], tools: Path
) -> None:
    assert run("apply", plan) == 3
    assert said in capsys.readouterr().err
    assert not (tools / "cdi" / "trivet.json").exists()


def test_without_nvidias_tools_it_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert run("same", CUT) == 3
    assert "nvidia-smi is not there" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["destroy"]])
def test_a_command_line_that_it_does_not_know_is_refused(argv: list[str]) -> None:
    assert partition.main(argv) == 2
