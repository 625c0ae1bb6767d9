"""An App that has another provider after it, against a Modal on the wire."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.provider.experimental import provider as rpc

from tests.fakes.modal.meter import Use
from tests.unit.drivers.modal.conftest import place
from tests.unit.drivers.modal.place import Place
from trivet.drivers.modal import HalfDeployedError, deploy
from trivet.errors import BudgetError
from trivet.provider.log import EngineLog
from trivet.provider.modal_app import App
from trivet.provider.resource import InitFailedError
from trivet.provider.values import Properties, plain_map, wrap_map

__all__ = ["place"]
URN = "urn:pulumi:unit::inference::trivet:modal:App::stack"


@pytest.fixture
def app() -> App:
    return App(EngineLog("127.0.0.1:1"))


def create(app: App, place: Place, *, preview: bool = False, **changes: Any) -> Properties:
    wanted = place.app().model_copy(update={"start_seconds": 1, **changes})
    inputs = wrap_map(wanted.model_dump(mode="json", by_alias=True, exclude_none=True))
    filled = app.check(rpc.CheckRequest(URN, {}, inputs, b"")).inputs or {}
    try:
        return dict(app.create(rpc.CreateRequest(URN, filled, 0, preview=preview)).properties)
    finally:
        app.cancel()


def test_one_that_never_answers_is_passed_over_and_leaves_nothing(app: App, place: Place) -> None:
    place.runner.broken = True
    assert "it says nothing" in plain_map(create(app, place, may_pass=True))["passed"]
    assert place.fake.account.deployed("trivet-unit") is None
    assert not place.fake.account.volumes
    assert not (place.root / "keys").exists()


def test_an_app_that_was_there_before_is_never_taken_away_for_another_provider(app: App, place: Place) -> None:
    place.runner.broken = True
    with pytest.raises(HalfDeployedError):
        deploy(place.site(place.app().model_copy(update={"start_seconds": 1})), None)
    volumes = set(place.fake.account.volumes)
    with pytest.raises(InitFailedError):
        create(app, place, may_pass=True)
    assert place.fake.account.deployed("trivet-unit")
    assert set(place.fake.account.volumes) == volumes


def test_without_another_it_stays_as_far_as_it_came(app: App, place: Place) -> None:
    place.runner.broken = True
    with pytest.raises(InitFailedError):
        create(app, place)
    assert place.fake.account.deployed("trivet-unit")


@pytest.mark.parametrize("preview", [True, False])
def test_one_over_the_budget_is_passed_over_or_refused(app: App, place: Place, *, preview: bool) -> None:
    place.fake.account.meter.uses = [Use("ap-1", "trivet-unit", {"managed-by": "trivet"}, 1.0, 0.0, 2e9)]
    said = plain_map(create(app, place, preview=preview, may_pass=True, budget_cents=1, ttl=3600))["passed"]
    assert "× 1 h × 1 =" in said
    with pytest.raises(BudgetError):
        create(app, place, preview=preview, budget_cents=1)
    assert not place.fake.account.apps
