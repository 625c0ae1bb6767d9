"""Which apps on Modal cost money for nobody, and what is done about them."""

from __future__ import annotations

import importlib
import time

import pytest
from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import App
from tests.unit.drivers.modal.place import Place
from trivet.drivers.modal import deploy
from trivet.drivers.modal.reaper import SeenApp, judge_app, reap_apps
from trivet.render.modal import Autoscaler

NOW = 1_800_000_000.0
ZERO = Autoscaler(min_containers=0, max_containers=1, buffer_containers=0, scaledown_window=60)


@pytest.mark.parametrize(
    ("tags", "idle", "action"),
    [
        ({}, 0, "keep"),
        ({"expires-at": str(int(NOW) + 1)}, 0, "keep"),
        ({"expires-at": str(int(NOW))}, 0, "stop"),
        ({"expires-at": str(int(NOW)), "idle-billing": "allowed"}, 1, "stop"),
        ({"expires-at": "soon"}, 0, "keep"),
        ({}, 1, "scale down"),
        ({"idle-billing": "allowed"}, 1, "keep"),
    ],
)
def test_the_rules(tags: dict[str, str], idle: int, action: str) -> None:
    for changes in ({"min_containers": idle}, {"buffer_containers": idle}):
        app = SeenApp("trivet-unit", tags, NOW - 60, ZERO.model_copy(update=changes), 0)
        assert judge_app(app, NOW).action == action


def stranger(place: Place) -> App:
    theirs = App("ap-theirs", "theirs", {}, pb.APP_STATE_DEPLOYED)
    place.fake.account.apps[theirs.id] = theirs
    return theirs


def test_an_app_whose_time_is_over_is_stopped_and_nobody_else_s_is_touched(place: Place) -> None:
    theirs = stranger(place)
    deploy(place.site(place.app(ttlHours=1.0)), None)
    now = time.time()
    assert [each.action for each in reap_apps(place.account, now)[0]] == ["keep"]
    (verdict,), failures = reap_apps(place.account, now + 3601, dry_run=True)
    assert (verdict.action, failures, place.fake.account.deployed("trivet-unit") is not None) == ("stop", {}, True)
    reap_apps(place.account, now + 3601)
    assert place.fake.account.deployed("trivet-unit") is None
    assert theirs.state == pb.APP_STATE_DEPLOYED
    assert reap_apps(place.account, now + 3601) == ([], {})


def test_an_app_that_is_gone_since_it_was_listed_saves_no_other(place: Place) -> None:
    stranger(place)
    deploy(place.site(place.app(ttlHours=1.0)), None)
    place.fake.account.stops_once_listed = "theirs"
    assert [each.action for each in reap_apps(place.account, time.time() + 3601)[0]] == ["stop"]
    assert place.fake.account.deployed("trivet-unit") is None


def test_containers_that_somebody_keeps_up_by_hand_are_let_go(place: Place) -> None:
    deploy(place.site(), None)
    function = importlib.import_module("modal").Function.from_name("trivet-unit", "serve", client=place.account.client)
    function.autoscaler.update(min_containers=1)
    (verdict,), _ = reap_apps(place.account, time.time())
    assert verdict.action == "scale down"
    assert function.autoscaler.settings().min_containers == 0
    assert place.fake.account.deployed("trivet-unit") is not None


def test_containers_that_the_settings_keep_up_are_left_until_they_say_otherwise(place: Place) -> None:
    deploy(place.site(), None)
    deploy(place.site(place.app(minContainers=1, allowIdleBilling=True)), None)
    assert [each.why for each in reap_apps(place.account, time.time())[0]] == ["stays up by consent"]
    deploy(place.site(), None)
    app = place.fake.account.deployed("trivet-unit")
    assert app is not None
    assert (app.deployments, "idle-billing" in app.tags) == (1, False)
