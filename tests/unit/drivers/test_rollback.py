"""Going back by hand: from what is on the host alone, and forward again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.engine_host import Answer, EngineHost, container
from tests.unit.drivers.test_trial import COMPOSE, OTHER
from trivet.drivers.bundle import HalfDoneError, announce
from trivet.drivers.bundle.announce import OURS
from trivet.drivers.bundle.rollback import WentBack, roll_back
from trivet.drivers.bundle.site import lock_seconds
from trivet.drivers.bundle.trial import Trial
from trivet.errors import HostError
from trivet.render import paths
from trivet.render.supervision import start_seconds

UP = ("docker", "compose", "--project-name", "trivet-unit")


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """OTHER serves; before it, COMPOSE did."""
    made = Trial(EngineHost(answers={UP: Answer()}), str(tmp_path / "unit"))
    for compose in (b"name: trivet-unit" + COMPOSE, b"name: trivet-unit" + OTHER):
        made.begin(compose)
        made.host.write(made.path(paths.CONFIG_FILE), b"config of " + compose)
        made.keep(compose)
    return made


def back(trial: Trial) -> WentBack:
    return roll_back(trial.host, trial.root, wait_seconds=9, report=lambda _: None)


def test_what_ran_before_runs_again_and_then_forward_again(trial: Trial) -> None:
    assert back(trial) == WentBack("trivet-unit", {"gateway": "trivet/gateway:1", "model-x": "trivet/llama:1"})
    assert trial.ready == b"name: trivet-unit" + COMPOSE
    assert trial.host.read(trial.path(paths.CONFIG_FILE)) == b"config of name: trivet-unit" + COMPOSE
    assert back(trial).images["model-x"] == "trivet/llama:2"
    assert trial.ready == b"name: trivet-unit" + OTHER
    assert trial.host.read(trial.path(paths.CONFIG_FILE)) == b"config of name: trivet-unit" + OTHER


def test_one_that_does_not_become_ready_leaves_what_runs(trial: Trial) -> None:
    assert isinstance(trial.host, EngineHost)
    trial.host.answers[UP] = Answer(code=1, stderr="unhealthy")
    with pytest.raises(HalfDoneError, match="unhealthy"):
        back(trial)
    assert trial.ready == b"name: trivet-unit" + OTHER
    assert trial.host.read(trial.path(paths.CONFIG_FILE)) == b"config of name: trivet-unit" + OTHER


def test_an_update_that_was_cut_off_is_taken_back(trial: Trial) -> None:
    ready = trial.ready
    trial.begin(b"name: trivet-unit" + COMPOSE)
    trial.host.write(trial.path(paths.CONFIG_FILE), b"never ready")
    trial.host.write(trial.path(paths.DRAIN_FILE), OURS)
    assert back(trial).images["model-x"] == "trivet/llama:2"
    assert (trial.ready, trial.unfinished) == (ready, None)
    assert trial.host.read(trial.path(paths.CONFIG_FILE)) == b"config of name: trivet-unit" + OTHER
    assert trial.host.stat(trial.path(paths.DRAIN_FILE)) is None


def test_the_stop_is_announced(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "NOTICE_SECONDS", 0.0)
    assert isinstance(trial.host, EngineHost)
    seen, drain = [], trial.path(paths.DRAIN_FILE)

    def up() -> Answer:
        seen.append(trial.host.read(drain))
        return Answer()

    trial.host.answers |= {
        ("docker", "container", "inspect"): Answer(json.dumps([container("trivet-unit-gateway-1")])),
        ("docker", "ps"): Answer("id-of-trivet-unit-gateway-1\n"),
        ("docker", "exec"): Answer(code=1),
        UP: up,
    }
    back(trial)
    assert seen == [OURS]
    assert trial.host.stat(drain) is None


def test_the_watchdog_watches_what_it_watched_then(trial: Trial) -> None:
    assert isinstance(trial.host, EngineHost)
    told = trial.host.answers["systemctl",] = Answer()
    trial.host.write(trial.path(paths.WATCH_FILE), b"new")
    back(trial)  # the generation before had no units
    assert trial.host.read(trial.path(paths.WATCH_FILE)) == b"new"
    trial.host.write(trial.path(paths.WATCH_FILE), b"old")
    back(trial)
    assert trial.host.read(trial.path(paths.WATCH_FILE)) == b"new"
    back(trial)
    assert trial.host.read(trial.path(paths.WATCH_FILE)) == b"old"
    assert trial.host.ran.count(("systemctl", "try-restart", "trivet-unit.watchdog.service")) == 2
    told.code = 1
    with pytest.raises(HostError, match="systemctl try-restart"):
        back(trial)


def test_where_nothing_ran_before_there_is_nothing_to_go_back_to(trial: Trial) -> None:
    trial.host.remove(trial.path(paths.PREVIOUS_DIRECTORY))
    with pytest.raises(HostError, match="no generation but the one that runs"):
        back(trial)


def test_the_lock_is_waited_for_longer_than_the_unit_may_hold_it_at_boot() -> None:
    assert lock_seconds(60) == 900
    assert lock_seconds(3600) == start_seconds(3600) + 30 == 7350


def test_where_no_stack_is_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no stack"):
        back(Trial(EngineHost(), str(tmp_path / "hosts" / "unit")))
    assert list(tmp_path.iterdir()) == []
