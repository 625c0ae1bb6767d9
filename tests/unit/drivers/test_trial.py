"""An update is on trial until it is ready: what holds meanwhile, wherever it is cut off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes.engine_host import Answer, EngineHost
from tests.unit.drivers.installations import site
from tests.unit.drivers.test_install import Engine, config_on_host
from trivet.drivers.bundle import HalfDoneError, announce, desired, install, look
from trivet.drivers.bundle.trial import PREVIOUS_COMPOSE, PREVIOUS_CONFIG, Trial, needs_of
from trivet.drivers.process import overdue_error
from trivet.drivers.ssh.session import ConnectionLostError
from trivet.errors import EngineError
from trivet.render import paths

COMPOSE = b"""
services:
  gateway: {image: "trivet/gateway:1", volumes: [{type: bind, source: ./etc}, {type: volume, source: audit}]}
  model-x: {image: "trivet/llama:1", volumes: [{type: bind, source: ./models/abc}]}
"""
OTHER = COMPOSE.replace(b"llama:1", b"llama:2").replace(b"abc", b"def")


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(EngineHost(), str(tmp_path))


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """One on which a first generation is installed."""
    monkeypatch.setattr(announce, "NOTICE_SECONDS", 0.0)
    made = Engine(site(tmp_path, EngineHost()))
    install(made.where, None)
    return made


def updated(engine: Engine) -> Engine:
    """The same with another definition of its gateway, and a quota more."""
    services = {**engine.where.installation.services}
    labels = {**services["gateway"]["labels"], "dev.trivet.definition": "sha256:2"}
    services["gateway"] = {**services["gateway"], "labels": labels}
    gateway = {**engine.where.installation.gateway, "routes": ["/v1/models"]}
    changed = engine.where.installation.model_copy(update={"services": services, "gateway": gateway})
    object.__setattr__(engine.where, "installation", changed)
    return engine


def test_until_an_update_is_ready_the_generation_before_it_is_the_one_that_holds(trial: Trial) -> None:
    assert trial.begin(COMPOSE) == "first"
    assert trial.ready is None
    trial.keep(COMPOSE)
    assert trial.begin(OTHER) == "update"
    assert trial.ready == trial.previous == COMPOSE
    trial.keep(OTHER)
    assert (trial.ready, trial.previous) == (OTHER, COMPOSE)
    assert trial.host.stat(trial.path(paths.NEXT_FILE)) is None


def test_what_is_ready_already_is_not_tried(trial: Trial) -> None:
    trial.begin(COMPOSE)
    trial.keep(COMPOSE)
    assert trial.begin(COMPOSE) == "same"
    assert trial.host.stat(trial.path(paths.NEXT_FILE)) is None
    assert trial.previous is None


def test_an_update_after_one_that_was_cut_off_goes_back_to_what_was_ready(trial: Trial) -> None:
    trial.host.write(trial.path(paths.CONFIG_FILE), b"old")
    trial.begin(COMPOSE)
    trial.keep(COMPOSE)
    trial.begin(OTHER)
    trial.host.write(trial.path(paths.CONFIG_FILE), b"never ready")
    assert trial.begin(COMPOSE) == "update"  # even back to the very same: containers of the other may be there
    assert trial.host.read(trial.path(paths.CONFIG_FILE)) == b"old"
    trial.take_back()
    assert trial.host.read(trial.path(paths.CONFIG_FILE)) == b"old"
    assert trial.ready == COMPOSE


def test_one_that_is_kept_already_is_not_unfinished(trial: Trial) -> None:
    trial.begin(COMPOSE)
    trial.host.write(trial.path(paths.CONFIG_FILE), b"config")
    trial.host.write(trial.path(paths.COMPOSE_FILE), COMPOSE)  # `keep` was cut off here
    assert trial.begin(COMPOSE) == "same"
    assert trial.host.stat(trial.path(paths.NEXT_FILE)) is None
    trial.host.write(trial.path(paths.NEXT_FILE), COMPOSE)
    assert trial.begin(OTHER) == "update"
    assert (trial.previous, trial.host.read(trial.path(PREVIOUS_CONFIG))) == (COMPOSE, b"config")


def test_both_generations_keep_their_images_and_models(trial: Trial) -> None:
    trial.begin(COMPOSE)
    trial.keep(COMPOSE)
    trial.begin(OTHER)
    trial.keep(OTHER)
    assert trial.needs().images == {"trivet/gateway:1", "trivet/llama:1", "trivet/llama:2"}
    assert trial.needs().files == {"models/abc", "models/def"}
    assert needs_of(OTHER).files == {"models/def"}


def test_an_update_that_is_not_ready_is_taken_back_and_the_run_says_so(engine: Engine) -> None:
    where, files = updated(engine).where, []
    before, config = where.host.read(where.path(paths.COMPOSE_FILE)), config_on_host(where)

    def up() -> Answer:
        files.append(where.host.ran[-1][where.host.ran[-1].index("--file") + 1])
        return Answer(code=1, stderr="container gateway is unhealthy") if len(files) == 1 else engine.make()

    engine.up = up
    with pytest.raises(HalfDoneError, match="the host went back to what ran before, which serves again") as refusal:
        install(where, None)
    assert "container gateway is unhealthy" in str(refusal.value)
    assert files == [where.path(paths.NEXT_FILE), where.path(paths.COMPOSE_FILE)]
    assert where.host.read(where.path(paths.COMPOSE_FILE)) == before
    assert config_on_host(where) == config
    assert where.host.stat(where.path(paths.NEXT_FILE)) is None


def test_a_compose_that_does_not_end_is_taken_back_and_a_lost_host_is_not(engine: Engine) -> None:
    where, ends = updated(engine).where, [overdue_error("docker compose up", 9)]

    def up() -> Answer:
        if ends:
            raise ends.pop()
        return engine.make()

    engine.up = up
    with pytest.raises(HalfDoneError, match=r"did not end within 9 s(?s:.*)which serves again"):
        install(where, None)
    assert where.host.stat(where.path(paths.NEXT_FILE)) is None
    engine.up = lost
    with pytest.raises(HalfDoneError, match="the connection was lost"):
        install(where, None)
    assert where.host.stat(where.path(paths.NEXT_FILE)) is not None  # nobody knows what runs there


def lost() -> Answer:
    raise ConnectionLostError(value="the connection was lost", rule="it lasts", remedy="run it again")


def test_an_update_that_was_cut_off_is_drift_until_the_next_run(engine: Engine) -> None:
    where, well = engine.where, desired(engine.where.installation, dict.fromkeys(engine.where.installation.keys))
    assert look(where).update == well.update
    trial = Trial(where.host, where.installation.root)
    trial.begin(trial.ready + b"# other" if trial.ready else b"")
    assert look(where).update != well.update
    assert install(where, None).update == well.update
    where.host.write(where.path(paths.DRAIN_FILE), announce.OURS)
    assert look(where).update != well.update
    assert install(where, None).update == well.update
    where.host.write(where.path(paths.DRAIN_FILE), b"an operator\n")
    assert look(where).update == well.update


def test_one_whose_predecessor_is_not_ready_either_says_that(engine: Engine) -> None:
    updated(engine).up = lambda: Answer(code=1, stderr="no space left")
    with pytest.raises(HalfDoneError, match="which does not become ready either: no space left"):
        install(engine.where, None)


def test_a_first_installation_that_is_not_ready_has_nothing_to_go_back_to(tmp_path: Path) -> None:
    first = Engine(site(tmp_path, EngineHost()))
    first.up = lambda: Answer(code=1, stderr="no space left")
    with pytest.raises(HalfDoneError) as refusal:
        install(first.where, None)
    assert isinstance(refusal.value.__cause__, EngineError)
    assert "went back" not in str(refusal.value)


def test_an_update_that_is_ready_keeps_the_configuration_to_go_back_to(engine: Engine) -> None:
    config = config_on_host(engine.where)
    install(updated(engine).where, None)
    host = engine.where.host
    assert json.loads(host.read(engine.where.path(PREVIOUS_CONFIG)) or b"") == config
    assert host.read(engine.where.path(PREVIOUS_COMPOSE)) != host.read(engine.where.path(paths.COMPOSE_FILE))
