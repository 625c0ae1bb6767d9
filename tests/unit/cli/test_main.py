"""The command line: exit codes and where words go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.cli import main


def test_an_error_goes_to_stderr_with_rule_and_remedy_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--project", str(tmp_path)]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert "rule:   a command runs in a directory with an inference.yaml" in out.err
    assert "remedy:" in out.err


def test_a_broken_spec_fails_before_the_lock_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "inference.yaml").write_text(
        (ROOT / "inference.yaml").read_text().replace("kind: chat", "kind: chatty", 1)
    )
    assert main(["check", "--project", str(tmp_path)]) == 2
    assert "models[0].kind = 'chatty'" in capsys.readouterr().err


def test_a_spec_without_a_lock_names_trivet_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "inference.yaml").write_text((ROOT / "inference.yaml").read_text())
    assert main(["check", "--project", str(tmp_path)]) == 2
    assert "trivet lock" in capsys.readouterr().err


def test_the_schema_is_printed_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.startswith("{")


@pytest.mark.parametrize("argv", [[], ["no-such-command"]])
def test_a_wrong_command_line_is_refused(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
