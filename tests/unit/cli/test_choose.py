"""`trivet choose`: three lists that fit a terminal, and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.cli import main

SPEC = str(ROOT / "inference.yaml")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A spec under the strict regime, whose tables and articles do not grow old here."""
    strict = "regime: za-strict\n  maxAgeDays: 3650"
    (tmp_path / "inference.yaml").write_text((ROOT / "inference.yaml").read_text().replace("regime: none", strict))
    return tmp_path / "inference.yaml"


def test_three_lists_fit_a_terminal(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", "--spec", str(own)]) == 0
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if len(line) > 80 and "https://" not in line] == []
    assert said.index("can run it") < said.index("probe first") < said.index("\nrefused\n")
    assert "onprem  own  ZA: a machine of yours with no GPU; no rent" in said


def test_prices_of_several_dates_are_not_shown_without_saying_so(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", "--spec", str(own)]) == 0
    assert "note  the prices are of 2 dates, 2025-04-01 to 2026-06-01: refresh them" in capsys.readouterr().out
    assert main(["choose", "--spec", str(own), "--budget", "1"]) == 0  # AWS alone is left
    assert "the prices are of" not in capsys.readouterr().out


def test_json_lists_every_place(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", "--spec", str(own), "--budget", "0.7", "--json"]) == 0
    choices = json.loads(capsys.readouterr().out)["choices"]
    verdicts = {(each["provider"], each["region"], each["machine"]): each["verdict"] for each in choices}
    assert verdicts["own", "ZA", "a machine of yours with no GPU"] == "fits"
    assert verdicts["aws", "us-east-1", "any"] == "refused"
    assert all(each["why"] for each in choices if each["verdict"] == "refused")


def test_a_million_tokens_is_priced_on_ones_own_assumption(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", "--spec", str(own), "--tokens-per-second", "100", "--regime", "none"]) == 0
    said = capsys.readouterr().out
    assert "1.46/Mtok" in said  # us-east-1 g4dn.xlarge: 0.526 USD/h
    assert "100 tokens/s, your assumption" in said


@pytest.mark.parametrize(("option", "value"), [("--budget", "0"), ("--budget", "nan"), ("--tokens-per-second", "-1")])
def test_a_nonsensical_number_is_refused(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", "--spec", SPEC, f"{option}={value}"]) == 2
    assert "a positive number" in capsys.readouterr().err


def test_an_unknown_regime_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["choose", "--spec", SPEC, "--regime", "za-strickt"]) == 2
    assert "za-strict, za-transfer" in capsys.readouterr().err
