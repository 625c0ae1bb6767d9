"""`trivet audit verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.gateway.test_audit_chain import entry, tamper
from trivet.cli import main
from trivet_gateway.audit.store import Store


@pytest.fixture
def audit(tmp_path: Path) -> Path:
    path = tmp_path / "audit.sqlite"
    store = Store(path)
    for number in (1, 2, 3):
        store.append([entry(number)])
    store.close()
    return path


def test_a_chain_that_holds_is_said_to_and_its_head_is_printed(audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", str(audit)]) == 0
    out = capsys.readouterr().out
    head = out.split("head: ")[1].split()[0]
    assert "the chain holds\nrows: 3\n" in out
    assert main(["audit", "verify", str(audit), "--expect-head", head]) == 0


def test_the_first_bad_row_is_named(audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tamper(audit, "UPDATE audit SET team = 'blue' WHERE seq = 2")
    assert main(["audit", "verify", str(audit)]) == 1
    assert "BROKEN at row 2: row 2 was edited or moved" in capsys.readouterr().out


def test_the_report_can_be_read_by_a_program(audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tamper(audit, "DELETE FROM audit WHERE seq = 2")
    assert main(["audit", "verify", str(audit), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["rows"] == 1
    assert report["broken"] == {"seq": 2, "reason": "row 2 is missing"}


def test_a_head_on_file_that_the_chain_does_not_reach_is_a_break(
    audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", str(audit), "--expect-head", f"9:{'0' * 64}"]) == 1
    assert "the chain ends before row 9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"), [(["missing.sqlite"], "does not exist"), (["x", "--expect-head", "9"], "is no head")]
)
def test_what_cannot_be_verified_is_an_error(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", *arguments]) == 2
    assert words in capsys.readouterr().err
