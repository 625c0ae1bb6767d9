"""`trivet residency`: readable in 80 columns, JSON for programs, exit 1 where something is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from trivet.cli import main

STRICT = (ROOT / "trivet/residency/data/regimes/za-strict.yaml").read_text()
TABLES = ["providers", "regimes", "gpus", "aws", "azure", "coreweave", "gcp", "lambda", "modal"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///srv/state")
    text = (ROOT / "inference.yaml").read_text().replace("regime: none", "regime: own.yaml\n  maxAgeDays: 3650")
    (tmp_path / "inference.yaml").write_text(text)
    (tmp_path / "own.yaml").write_text(STRICT)
    (tmp_path / "Pulumi.yaml").write_text("name: inference\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    write(tmp_path, "country: ZA", "operatedFrom: ZA", "operatorParent: ZA")
    return tmp_path


def write(project: Path, *settings: str) -> None:
    lines = ["config:", "  inference:region: office", *(f"  inference:{line}" for line in settings)]
    (project / "stacks" / "Pulumi.onprem.yaml").write_text("\n".join(lines) + "\n")


def trivet(project: Path, *words: str) -> int:
    return main(["residency", *words, "--project", str(project)])


def test_a_lawful_place_passes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trivet(project, "check") == 0
    said = capsys.readouterr().out
    assert "11 assets, 0 refused" in said
    assert "18 USC 2713 does not reach whoever operates the stack (parent" in said


def test_an_unlawful_place_is_refused_with_article_and_remedy(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "country: DE", "operatedFrom: ZA", "retain: true", "frontierApiKey:\n    secure: abc")
    assert trivet(project, "check") == 1
    said = capsys.readouterr().out
    assert "refused   compute: the machine, DE" in said
    assert "[POPIA 72(1)]" in said
    assert "remedy: choose a place for it in ZA" in said
    assert "CLOUD Act  whoever operates the stack: unknown; set operatorParent" in said


def test_json_says_the_same(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, "country: DE", "operatedFrom: ZA")
    assert trivet(project, "check", "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    verdicts = {finding["asset"]["kind"]: finding["verdict"] for finding in said["findings"]}
    assert (verdicts["compute"], verdicts["support-access"]) == ("refused", "allowed")
    assert said["cloudAct"][0]["reached"] is None


def test_a_stack_without_settings_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trivet(project, "check", "--stack", "clinic") == 2
    assert "pulumi stack init clinic" in capsys.readouterr().err


def test_explain_shows_article_date_and_source(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trivet(project, "explain", "support-access", "--regime", "eu") == 0
    said = capsys.readouterr().out
    assert "GDPR 44, 48: Access from a third country is a transfer" in said
    assert "since 2018-05-25, checked 2026-11-01" in said
    assert "https://eur-lex.europa.eu" in said
    assert "rule for  compute" not in said


def test_explain_takes_the_spec_s_regime(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trivet(project, "explain", "--json") == 0
    assert json.loads(capsys.readouterr().out)["deniedServices"] == ["bedrock-profile", "vertex-generative"]


def test_a_guard_can_be_piped_into_a_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trivet(project, "guards", "aws") == 0
    policy = json.loads(capsys.readouterr().out)
    assert policy["Statement"][0]["Condition"] == {"StringNotEquals": {"aws:RequestedRegion": ["af-south-1"]}}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_fits_a_terminal(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["residency", "table", name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert [line for line in lines if len(line) > 80 and "https://" not in line] == []
    assert main(["residency", "table", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_a_table_shows_regions_dates_and_prices(capsys: pytest.CaptureFixture[str]) -> None:
    main(["residency", "table", "aws"])
    said = capsys.readouterr().out
    assert "ZA  af-south-1" in said
    assert "GPUs in af-south-1, prices of 2025-04-01, seen 2026-11-01" in said
    assert re.search(r"g4dn\.xlarge +1 × T4 +0\.698 USD/h", said)


def test_an_unknown_table_is_an_error_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["residency", "table", "ibm"]) == 2
    assert "providers, regimes, gpus, aws" in capsys.readouterr().err


@pytest.mark.parametrize("regime", ["za-strict", "za-transfer", "eu", "uk", "ch", "none"])
def test_every_regime_fits_a_terminal(project: Path, capsys: pytest.CaptureFixture[str], regime: str) -> None:
    assert trivet(project, "explain", "--regime", regime) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and "https://" not in line] == []
