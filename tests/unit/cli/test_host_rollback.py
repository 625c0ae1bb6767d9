"""`trivet host rollback`: what it refuses before it reaches for a host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trivet.cli import main

HOSTS = [{"address": "gpu1.example.org"}, {"address": "gpu2.example.org"}]
CLUSTER = {"target": "kubernetes", "kubernetes": {"registry": "r.example.org/t", "registryNetworks": ["192.0.2.1/32"]}}


@pytest.mark.parametrize(
    ("settings", "words", "remedy"),
    [
        ({"target": "ssh", "hosts": HOSTS}, "gpu1.example.org, gpu2.example.org", "name the host as ADDRESS"),
        (CLUSTER, "target kubernetes", "check out the version that you want"),
    ],
    ids=["several", "none"],
)
def test_a_stack_that_is_not_on_one_host_is_refused(
    settings: dict[str, Any], words: str, remedy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inference.yaml").touch()
    (tmp_path / "Pulumi.yaml").write_text("name: inference")
    (tmp_path / "stacks").mkdir()
    config = {f"inference:{key}": value for key, value in {"tier": "onprem", "region": "za", **settings}.items()}
    (tmp_path / "stacks" / "Pulumi.there.yaml").write_text(json.dumps({"config": config}))
    assert main(["host", "rollback", "--stack", "there", "--project", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert remedy in said


def test_without_an_address_and_a_stack_nobody_knows_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["host", "rollback"]) == 2
    assert "neither ADDRESS nor --stack" in capsys.readouterr().err
