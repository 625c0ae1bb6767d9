"""`trivet host save-state` where there is nowhere to save to; where there is, tests/host has it done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trivet.cli import main


@pytest.mark.parametrize("workstation", [{}, {"workstation": {"backup": None}}])
def test_hosts_without_backups_take_nothing_along(
    workstation: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"region": "za", "target": "ssh", "host": {"address": "gpu1"}, **workstation}
    (tmp_path / "inference.yaml").touch()
    (tmp_path / "Pulumi.yaml").write_text("name: inference")
    (tmp_path / "stacks").mkdir()
    config = {f"inference:{key}": value for key, value in settings.items()}
    (tmp_path / "stacks" / "Pulumi.onprem.yaml").write_text(json.dumps({"config": config}))
    assert main(["host", "save-state", "--project", str(tmp_path)]) == 2
    assert "workstation.backup.repository" in capsys.readouterr().err
