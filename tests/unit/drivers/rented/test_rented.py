"""Renting a node and giving it back, when all goes well and when one thing does not."""

from __future__ import annotations

import pytest

from tests.fakes.lambda_cloud import Fault, Faults
from tests.unit.drivers.rented.world import CHOICE, STACK, WISH, World, wish
from trivet.drivers.rented.bill import Budget, cost, month_to_date
from trivet.errors import AmbiguousError, BudgetError, CapacityError, CloudError
from trivet.idle.charter import charter_of, held_name


def launches(world: World) -> int:
    return world.fake.requests.count(("POST", "/instance-operations/launch"))


def test_a_stack_gets_a_node_of_its_first_choice_and_gives_everything_back(world: World) -> None:
    launch = world.up()
    (instance,) = world.ours
    assert (launch.node_id, launch.state, launch.kind, launch.region) == (
        instance.id,
        "launched",
        "gpu_1x_h100_pcie",
        "us-east-1",
    )
    assert charter_of(instance.tags) == launch.charter
    assert launch.launch_id in (instance.body.user_data or "")
    world.down()
    account = world.fake.account
    assert (world.ours, account.keys, account.rulesets) == ([], {}, {})
    assert [each.why for each in world.ledger.launches()] == ["released"]


def test_a_second_up_takes_the_node_that_is_there(world: World) -> None:
    assert world.up() == world.up()
    assert launches(world) == 1


def test_the_next_choice_is_taken_where_the_first_has_none(world: World) -> None:
    for region in CHOICE.regions:
        world.fake.account.capacity["gpu_1x_h100_pcie", region] = 0
    launch = world.up()
    assert (launch.kind, launch.region) == ("gpu_1x_a10", "us-east-1")


def test_capacity_that_vanishes_between_look_and_launch_costs_nothing(world: World) -> None:
    account = world.fake.account
    account.quota = 0  # what the launch meets after the offer was seen
    with pytest.raises(CloudError) as refused:
        world.up()
    assert refused.value.code == "global/quota-exceeded"
    assert (world.ours, world.ledger.open(STACK)) == ([], [])


def test_nothing_to_be_had_says_where_there_is_some(world: World) -> None:
    with pytest.raises(CapacityError, match="there are some in asia-northeast-1"):
        world.up(wish=wish(kinds=("gpu_8x_h100_sxm5",), regions=("moon-1",)))
    assert launches(world) == 0


def test_a_launch_that_was_carried_out_but_not_answered_is_taken_over(world: World) -> None:
    world.fake.account.late_seconds = 90
    for fault in (Fault.LOST, Fault.LOST_502, Fault.LATE):
        world.up(faults=faults_at_launch(fault))
        assert len(world.ours) == 1
        world.down()
    assert launches(world) == 3


def test_a_launch_that_was_not_carried_out_is_given_up_and_the_next_run_launches(world: World) -> None:
    with pytest.raises(AmbiguousError):
        world.up(faults=faults_at_launch(Fault.REFUSED))
    assert world.ours == []
    world.up()
    assert len(world.ours) == 1


def test_a_node_that_turns_up_after_its_launch_was_given_up_is_reaped(world: World) -> None:
    world.fake.account.late_seconds = 900
    with pytest.raises(AmbiguousError):
        world.up(faults=faults_at_launch(Fault.LATE))
    kept = world.up()
    world.clock.sleep(900)
    assert len(world.ours) == 2
    verdicts = world.reap().verdicts
    assert [each.why for each in verdicts if each.action == "end"] == ["its launch was given up, or has another node"]
    assert [each.id for each in world.ours] == [kept.node_id]


@pytest.mark.parametrize("fate", ["unhealthy", "stuck"])
def test_a_node_that_does_not_come_up_is_ended(world: World, fate: str) -> None:
    world.fake.account.fates = [fate]
    with pytest.raises(CloudError, match="it launches another one"):
        world.up()
    assert (world.ours, world.ledger.open(STACK)) == ([], [])


def test_a_node_that_ended_meanwhile_is_replaced(world: World) -> None:
    first = world.up()
    world.fake.account.end(world.ours[0])
    second = world.up()
    assert first.node_id != second.node_id
    assert len(world.ours) == 1


def test_a_node_past_its_time_is_ended_and_replaced(world: World) -> None:
    first = world.up()
    world.clock.sleep(CHOICE.ttl)
    second = world.up()
    assert first.launch_id != second.launch_id
    assert [each.id for each in world.ours] == [second.node_id]


def test_a_held_node_outlives_its_time_and_not_its_cap(world: World) -> None:
    launch = world.up()
    (instance,) = world.ours
    instance.name = held_name(STACK, launch.ends_by + 10**6, "demo")
    world.clock.sleep(CHOICE.ttl)
    world.reap()
    assert world.ours == [instance]
    world.clock.sleep(WISH.max_ttl - CHOICE.ttl)
    world.reap()
    assert world.ours == []


def test_a_budget_that_could_be_exceeded_blocks_with_the_arithmetic(world: World) -> None:
    with pytest.raises(BudgetError) as refused:
        world.up(wish=wish(budget=Budget(2000, multiplier=1.2)))
    assert str(refused.value.value) == ("$3.29/h × 8 h × 1.2 = $31.58, and $0.00 spent this month, make $31.58")
    assert launches(world) == 0
    world.up(wish=wish(budget=Budget(3159, multiplier=1.2)))


def test_what_was_spent_counts(world: World) -> None:
    world.up()
    world.clock.sleep(7000)
    world.down()
    with pytest.raises(BudgetError, match=r"\$6\.\d\d spent this month"):
        world.up(wish=wish(budget=Budget(3000)))


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 61, 3599, 3600, 7321])
def test_the_bill_is_within_a_minute_of_the_meter(world: World, seconds: int) -> None:
    launch = world.up()
    world.clock.sleep(seconds)
    world.down()
    stranger = world.stranger.billed_minutes(world.clock.monotonic()) * world.stranger.cents_per_hour / 60
    meter = world.fake.account.bill_cents() - stranger
    bill = month_to_date(world.ledger.launches(), world.clock.now())
    assert abs(bill - meter) <= launch.cents_per_hour / 60 + 1e-9


def test_a_bill_whose_beginning_nobody_saw_is_never_too_low(world: World) -> None:
    launch = world.up().model_copy(update={"active_at": None})
    assert cost(launch, 0, launch.launched_at + 600) == 10 * launch.cents_per_hour / 60


def faults_at_launch(fault: Fault) -> Faults:
    """The fault for the launch, and for no other request."""
    return Faults([fault], path="/instance-operations/launch")
