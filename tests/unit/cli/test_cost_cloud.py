"""What `trivet cost --cloud` refuses before it asks anybody; what it lists is shown on a stack (tests/program)."""

from __future__ import annotations

import pytest

from trivet.cli import main


def test_a_region_that_nobody_knows_is_refused_at_the_door(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--cloud", "aws", "--region", "af-south-9"]) == 2
    said = capsys.readouterr().err
    assert "af-south-9" in said
    assert "trivet residency table aws" in said


def test_a_cloud_that_is_not_read_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["cost", "--cloud", "nimbus"])
    assert "nimbus" in capsys.readouterr().err
