"""Of orchestrator, watchdog and reaper any two are dead: the one that is left ends the node in time, all by itself."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.lambda_cloud import KEY, Fault, Faults
from tests.fakes.lambda_cloud.account import Launch as Instance
from tests.fakes.lambda_cloud.server import Wire
from tests.unit.drivers.rented.world import Killed, World, wish
from trivet.drivers.lambda_cloud import LambdaCloud, LambdaCompute
from trivet.drivers.rented import Ledger
from trivet.drivers.rented.broker import Broker
from trivet.drivers.rented.broker_server import listening
from trivet.errors import CloudError
from trivet.idle.account import Account, LambdaAccount
from trivet.idle.broker_account import BrokerAccount
from trivet.idle.charter import BOOT_SECONDS, Charter, charter_of, held_name
from trivet.idle.guard import Surroundings, guard
from trivet.idle.metrics import Reading
from trivet.idle.sealed import lease_secret
from trivet.idle.watchdog import Terms, Watchdog

TTL, MAX_TTL = 45 * 60, 2 * 3600
WANTED = replace(wish(ttl=TTL), max_ttl=MAX_TTL)
PERIOD = 180  # of the reaper, and of whoever runs `pulumi refresh` or `up`
EXAMPLES = int(os.environ.get("TRIVET_SCHEDULES", "25")) // 5
LATE = 300  # the node is gone so many seconds after its time at the latest
FAULTS = st.lists(st.sampled_from([Fault.NONE, Fault.TOO_MANY, Fault.REFUSED, Fault.LOST, Fault.LOST_502]), max_size=4)
BUSY, BROKEN = Reading(1, {"requests": 1}), None


@dataclass(frozen=True)
class Fate:
    """What becomes of the node, and how the provider answers, request by request, to each who asks in turn.

    `hold`: seconds from the launch, beyond the node's life; 0: nobody holds it.
    """

    boot: str
    serves: Reading | None
    hold: int
    phase: int
    faults: list[list[Fault]]


FATES = st.builds(
    Fate,
    boot=st.sampled_from(["active", "active", "unhealthy", "stuck"]),
    serves=st.sampled_from([BUSY, BROKEN]),
    hold=st.sampled_from([0, 0, TTL + 600, 99 * TTL]),
    phase=st.integers(0, PERIOD),
    faults=st.lists(FAULTS, max_size=40),
)


def launched(world: World, fate: Fate) -> tuple[Instance, Charter]:
    """A node, whose `up` was killed as soon as it was launched."""
    world.fake.account.fates = [fate.boot]
    for steps in itertools.count():
        with contextlib.suppress(Killed):
            world.up(steps, wish=WANTED)
        if world.ours:
            break
    (instance,) = world.ours
    charter = charter_of(instance.tags)
    assert charter
    if fate.hold:
        instance.name = held_name(charter.stack, charter.launched_at + fate.hold, "demo")
    return instance, charter


def watchdog_alone(world: World, charter: Charter, fate: Fate, key_file: Path) -> None:
    """The guard, on a node with the account's key."""
    key_file.write_text(KEY)
    clock = world.clock
    watch(
        world,
        charter,
        fate,
        LambdaAccount(world.url, key_file, charter.launch_id, monotonic=clock.monotonic, sleep=clock.sleep),
    )


def watchdog_with_a_broker(world: World, charter: Charter, fate: Fate, key_file: Path) -> None:
    """The guard, on a node without it; the broker answers, and does nothing of its own accord."""
    key_file.write_text(lease_secret(KEY, charter.launch_id))
    with LambdaCloud(KEY, url=world.url, clock=world.clock) as cloud:
        broker = Broker(LambdaCompute(cloud), KEY, lambda _: None)
        with listening(broker, "127.0.0.1", 0) as port:
            url = f"http://127.0.0.1:{port}"
            watch(world, charter, fate, BrokerAccount(url, key_file, charter.launch_id, now=world.clock.now))


def watch(world: World, charter: Charter, fate: Fate, account: Account) -> None:
    """The guard, from the node's boot to its end."""
    faults = iter(fate.faults)

    def sleep(seconds: float) -> None:
        world.clock.sleep(seconds)
        world.fake.faults = Faults(next(faults, []))
        if not world.ours:
            raise Killed

    armed = world.clock.monotonic()
    node = Surroundings(
        scrape=lambda: fate.serves,
        account=account,
        drain_file=world.directory / "draining",
        uptime=lambda: world.clock.monotonic() - armed,
        now=world.clock.now,
        sleep=sleep,
        say=lambda _: None,
        alive=lambda: None,
    )
    with contextlib.suppress(Killed):
        guard(Watchdog(charter, Terms(setup=99 * TTL, grace=99 * TTL)), node)


def broker_alone(world: World, charter: Charter, fate: Fate, _: Path) -> None:
    """The broker, of a node that never says a word."""
    faults = iter(fate.faults)
    with LambdaCloud(KEY, url=world.url, clock=world.clock) as cloud:
        broker = Broker(LambdaCompute(cloud), KEY, lambda _: None)
        while world.ours and world.clock.now() < charter.ends_by + 2 * LATE:
            world.fake.faults = Faults(next(faults, []))
            with contextlib.suppress(CloudError):
                broker.sweep(Ledger(world.directory / "nothing"))
            world.clock.sleep(60)


def reaper_alone(world: World, charter: Charter, fate: Fate, _: Path) -> None:
    """The stateless reaper on its timer; the checkout is lost."""
    shutil.rmtree(world.directory)
    faults = iter(fate.faults)
    world.clock.sleep(fate.phase)
    while world.ours and world.clock.now() < charter.ends_by + 2 * LATE:
        with contextlib.suppress(CloudError):
            world.reap(faults=Faults(next(faults, [])))
        world.clock.sleep(PERIOD)


def orchestrator_alone(world: World, charter: Charter, fate: Fate, _: Path) -> None:
    """`up` as often as the reaper would come. The node that it rents in this one's place is another matter."""
    faults = iter(fate.faults)
    world.clock.sleep(fate.phase)

    def old() -> bool:
        return any(each.tags["launch-id"] == charter.launch_id for each in world.ours)

    while old() and world.clock.now() < charter.ends_by + 2 * LATE:
        before = world.clock.now()
        with contextlib.suppress(CloudError):
            world.up(faults=Faults(next(faults, [])), wish=WANTED)
        world.clock.sleep(max(0.0, PERIOD - (world.clock.now() - before)))


SURVIVORS = {
    "watchdog": watchdog_alone,
    "watchdog with a broker": watchdog_with_a_broker,
    "reaper": reaper_alone,
    "orchestrator": orchestrator_alone,
    "broker": broker_alone,
}


@pytest.mark.parametrize("survivor", SURVIVORS)
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fate=FATES)
def test_with_any_two_dead_the_node_is_gone_five_minutes_after_its_time(
    lambda_wire: Wire, survivor: str, fate: Fate
) -> None:
    directory = Path(tempfile.mkdtemp())
    try:
        world = World(lambda_wire.fresh(), lambda_wire.url, directory / "rented")
        instance, charter = launched(world, fate)
        SURVIVORS[survivor](world, charter, fate, directory / "key")
    finally:
        shutil.rmtree(directory)
    begun = instance.ordered_at - charter.launched_at  # the fake's seconds begin elsewhere
    due = {
        "active": charter.deadline(instance.name),
        "unhealthy": charter.launched_at + BOOT_SECONDS,
        "stuck": charter.launched_at + BOOT_SECONDS,
    }[fate.boot]
    assert instance.gone_at is not None
    assert instance.gone_at <= due + begun + LATE
    world.require_sound()
