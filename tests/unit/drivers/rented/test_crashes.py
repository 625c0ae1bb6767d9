"""Killed at every step of create, and in random schedules of everything: nothing leaks."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.lambda_cloud import Fault, Faults
from tests.fakes.lambda_cloud.server import Wire
from tests.unit.drivers.rented.world import CHOICE, STACK, Killed, World
from trivet.errors import CloudError

REAPER_SECONDS = 300
SCHEDULES = int(os.environ.get("TRIVET_SCHEDULES", "25"))


def test_killed_at_every_step_of_create_the_next_up_has_one_node_and_a_reap_before_it_harms_none(
    lambda_wire: Wire, tmp_path: Path
) -> None:
    for steps in itertools.count():
        fake = lambda_wire.fresh()
        fake.account.boot_seconds = 30
        world = World(fake, lambda_wire.url, tmp_path / str(steps))
        survived = True
        try:
            world.up(steps)
        except Killed:
            survived = False
        world.require_sound()
        before = len(world.ours)
        world.reap()
        assert len(world.ours) == before <= 1, "the node of a launch in doubt is still wanted"
        launch = world.up()
        assert [each.id for each in world.ours] == [launch.node_id]
        assert before == 0 or launch.node_id == next(iter(set(fake.account.launches) - {world.stranger.id}))
        world.require_sound()
        if survived:
            break
    assert steps > 20, "there are that many steps"


def test_killed_at_every_step_of_delete_the_next_down_leaves_nothing(lambda_wire: Wire, tmp_path: Path) -> None:
    for steps in itertools.count():
        fake = lambda_wire.fresh()
        fake.account.boot_seconds = 10
        world = World(fake, lambda_wire.url, tmp_path / str(steps))
        world.up()
        survived = True
        try:
            world.down(steps)
        except Killed:
            survived = False
        world.down()
        assert (world.ours, fake.account.keys, fake.account.rulesets) == ([], {}, {})
        assert world.ledger.open(STACK) == []
        if survived:
            break


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.NONE])
@pytest.mark.parametrize("request_number", range(9))
def test_any_fault_at_any_request_of_create_leaves_one_node_after_the_next(
    world: World, fault: Fault, request_number: int
) -> None:
    with contextlib.suppress(CloudError):
        world.up(faults=Faults([Fault.NONE] * request_number + [fault]))
    world.require_sound()
    launch = world.up()
    assert [each.id for each in world.ours] == [launch.node_id]
    world.down()
    assert (world.ours, world.fake.account.keys, world.fake.account.rulesets) == ([], {}, {})


@dataclass(frozen=True)
class Run:
    """One process of ours: what, for how many steps it lives, and what the provider does meanwhile."""

    verb: str
    steps: int | None
    faults: tuple[Fault, ...]
    pause: int


RUNS = st.builds(
    Run,
    verb=st.sampled_from(["up", "up", "up", "down", "reap"]),
    steps=st.none() | st.integers(0, 60),
    faults=st.lists(st.sampled_from([Fault.NONE] * 6 + list(Fault)), max_size=14).map(tuple),
    pause=st.sampled_from([0, 1, 200, 4000, 30_000]),
)


@dataclass(frozen=True)
class Luck:
    """What the provider is like."""

    fates: tuple[str, ...]
    late: int
    boot: int
    skew: int
    scarce: bool


LUCK = st.builds(
    Luck,
    fates=st.lists(st.sampled_from(["active", "active", "unhealthy", "stuck"]), max_size=6).map(tuple),
    late=st.sampled_from([5, 100, 1000]),
    boot=st.sampled_from([5, 60, 300]),
    skew=st.integers(-300, 300),
    scarce=st.booleans(),
)


@settings(max_examples=SCHEDULES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(RUNS, min_size=1, max_size=6), luck=LUCK)
def test_nothing_leaks_whatever_happens(lambda_wire: Wire, runs: list[Run], luck: Luck) -> None:
    directory = Path(tempfile.mkdtemp())
    try:
        check(play(lambda_wire, directory, runs, luck))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def play(served: Wire, directory: Path, runs: list[Run], luck: Luck) -> World:
    """Let it all happen."""
    fake = served.fresh()
    account = fake.account
    account.fates, account.late_seconds, account.boot_seconds = list(luck.fates), luck.late, luck.boot
    world = World(fake, served.url, directory, skew=luck.skew)
    if luck.scarce:
        account.capacity = {place: int(place[1] == "us-west-1") for place in account.capacity}
    for run in runs:
        verb = {"up": world.up, "down": world.down, "reap": world.reap}[run.verb]
        with contextlib.suppress(CloudError, Killed):
            verb(run.steps, Faults(run.faults))
        world.require_sound()
        world.clock.sleep(run.pause)
    account.fates = []
    return world


def check(world: World) -> None:
    """One reaper later nothing is there that nobody answers for; one up later one node; after its time, nothing."""
    world.clock.sleep(max(REAPER_SECONDS, world.fake.account.late_seconds))
    world.reap()
    wanted = {launch.launch_id for launch in world.ledger.open(STACK)}
    assert {each.tags["launch-id"] for each in world.ours} <= wanted
    with contextlib.suppress(CloudError):
        world.up()  # one that never comes up may still be waited for
    launch = world.up()
    world.require_sound()
    assert [each.id for each in world.ours] == [launch.node_id]
    assert [each.node_id for each in world.ledger.open(STACK)] == [launch.node_id]
    shutil.rmtree(world.directory)  # the checkout is lost: the tags alone tell
    world.clock.sleep(CHOICE.ttl + 2 * REAPER_SECONDS)
    world.reap()
    assert world.ours == []
    world.require_sound()
