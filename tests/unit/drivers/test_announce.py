"""Before what serves is replaced, what is in flight ends and what is new is told to come back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.engine_host import Answer, EngineHost
from tests.unit.drivers.installations import site
from tests.unit.drivers.test_install import Engine
from tests.unit.drivers.test_trial import updated
from trivet.drivers.bundle import HalfDoneError, announce, install
from trivet.errors import HostError
from trivet.render import paths

EXEC = ("docker", "exec")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """One on which a first generation serves, a request in flight the first two times that somebody asks."""
    monkeypatch.setattr(announce, "NOTICE_SECONDS", 0.0)
    monkeypatch.setattr(announce, "POLL", 0.0)
    host, in_flight = EngineHost(), [2, 1]
    made = Engine(site(tmp_path, host))
    host.answers[EXEC] = lambda: Answer(f'trivet_gateway_in_flight{{team="a"}} {in_flight.pop() if in_flight else 0}\n')
    install(made.where, None)
    return made


def is_draining(engine: Engine) -> bool:
    return engine.where.host.stat(engine.where.path(paths.DRAIN_FILE)) is not None


def asked(engine: Engine) -> int:
    assert isinstance(engine.where.host, EngineHost)
    return sum(words[:2] == EXEC for words in engine.where.host.ran)


def test_an_update_drains_until_nothing_is_in_flight_and_then_admits_again(engine: Engine) -> None:
    seen = []

    def up() -> Answer:
        seen.append((asked(engine), is_draining(engine)))
        return engine.make()

    updated(engine).up = up
    install(engine.where, None)
    assert seen == [(3, True)]
    assert not is_draining(engine)


def test_a_run_that_replaces_nothing_announces_nothing(engine: Engine) -> None:
    install(engine.where, None)
    assert asked(engine) == 0


def test_one_that_fails_admits_again(engine: Engine) -> None:
    updated(engine).up = lambda: Answer(code=1, stderr="no")
    with pytest.raises(HalfDoneError):
        install(engine.where, None)
    assert not is_draining(engine)


def test_an_interrupt_while_it_waits_admits_again(engine: Engine) -> None:
    def interrupted() -> Answer:
        engine.where.host.cancel()
        raise HostError(value="docker exec was interrupted", rule="an interrupted run ends", remedy="run it again")

    assert isinstance(engine.where.host, EngineHost)
    engine.where.host.answers[EXEC] = interrupted
    with pytest.raises(HalfDoneError, match="was interrupted"):
        install(updated(engine).where, None)
    assert not is_draining(engine)


def test_what_somebody_else_asked_for_stays(engine: Engine) -> None:
    engine.where.host.write(engine.where.path(paths.DRAIN_FILE), b"")
    install(updated(engine).where, None)
    assert is_draining(engine)


def test_what_a_killed_run_left_is_gone_after_the_next(engine: Engine) -> None:
    engine.where.host.write(engine.where.path(paths.DRAIN_FILE), announce.OURS)
    install(engine.where, None)
    assert not is_draining(engine)


def test_a_gateway_that_does_not_tell_is_not_waited_for(engine: Engine) -> None:
    assert isinstance(engine.where.host, EngineHost)
    engine.where.host.answers[EXEC] = Answer(code=1)
    install(updated(engine).where, None)
    assert asked(engine) == 1
