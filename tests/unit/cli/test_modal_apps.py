"""`trivet cost` and `trivet reap` where there is a Modal, against one on the wire."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fakes.modal.meter import Use
from tests.unit.drivers.modal.conftest import place
from tests.unit.drivers.modal.place import Place
from trivet.cli import main
from trivet.drivers.modal import deploy
from trivet.drivers.modal_token import has_token

__all__ = ["place"]
WIDTH = 80


@pytest.fixture(autouse=True)
def _no_lambda(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # noqa: ARG001
    monkeypatch.chdir(tmp_path)
    for name in ("LAMBDA_API_KEY", "LAMBDA_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_cost_lists_every_app_what_it_cost_and_what_ends_it(
    place: Place,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(place.site(place.app(ttlHours=8.0)), None)
    now = datetime.now(UTC)
    whole = now.replace(minute=0, second=0, microsecond=0).timestamp() - 3600
    if datetime.fromtimestamp(whole, UTC).month == now.month:  # else nothing of this month is reported yet
        place.fake.account.meter.uses.append(
            Use("ap-1", "trivet-unit", {"managed-by": "trivet"}, 0.001, whole, whole + 1000)
        )
        cents = 100.0
    else:
        cents = 0.0
    assert main(["cost", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (app,) = answer["apps"]
    assert (app["app"], app["containers"], app["cents"]) == ("trivet-unit", 1, pytest.approx(cents))
    assert abs(app["expiresAt"] - (time.time() + 8 * 3600)) < 60
    assert main(["cost"]) == 0
    said = capsys.readouterr().out
    assert all(len(line) <= WIDTH for line in said.splitlines())
    assert "1 containers now; each ends after 300 s idle; the app is stopped by a reaper at" in " ".join(said.split())


def test_reap_says_what_it_does_and_a_dry_run_does_nothing(
    place: Place,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(place.site(place.app(ttlHours=1.0)), None)
    app = place.fake.account.deployed("trivet-unit")
    assert app is not None
    app.tags["expires-at"] = "1"
    assert main(["reap", "--dry-run"]) == 0
    assert "stop  trivet-unit on Modal: its time to live is over" in capsys.readouterr().out
    assert place.fake.account.deployed("trivet-unit")
    assert main(["reap"]) == 0
    assert "1 apps of ours, 1 to end or ended, 0 failures" in capsys.readouterr().out
    assert place.fake.account.deployed("trivet-unit") is None


def test_a_modal_that_refuses_fails_the_command_and_not_the_rest(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert has_token()
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "wrong")
    assert main(["reap", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert place.calls


def test_lambda_s_nodes_that_cannot_be_read_keep_no_app_from_being_reaped(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    deploy(place.site(place.app(ttlHours=1.0)), None)
    app = place.fake.account.deployed("trivet-unit")
    assert app is not None
    app.tags["expires-at"] = "1"
    monkeypatch.setenv("LAMBDA_API_KEY_FILE", "no-such-file")
    assert main(["reap"]) == 1
    said = capsys.readouterr().out
    assert "it cannot be read" in said
    assert "1 apps of ours, 1 to end or ended, 0 failures" in said
    assert place.fake.account.deployed("trivet-unit") is None


@pytest.mark.parametrize(("environ", "found"), [({"MODAL_TOKEN_ID": "ak"}, True), ({}, False)])
def test_a_token_is_told_without_the_client(environ: dict[str, str], *, found: bool) -> None:
    assert has_token({"MODAL_CONFIG_PATH": "/dev/null", **environ}) is found


def test_a_token_in_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / "modal.toml").write_text("[default]\n")
    assert has_token({"MODAL_CONFIG_PATH": str(tmp_path / "modal.toml")})
