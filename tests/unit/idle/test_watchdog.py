"""The node's watchdog: each rule alone, and what holds for any sequence of events."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.idle.charter import BOOT_SECONDS, Charter, held_name, node_name
from trivet.idle.metrics import Reading
from trivet.idle.node import Standing
from trivet.idle.watchdog import Command, Terms, Tick, Watchdog

START = 1_000_000
TERMS = Terms(window=600, poll=30, grace=300, setup=3600, lease=900, drain=120)
CHARTER = Charter("s", "l", START, START + 20_000, START + 40_000)
FRESH = Watchdog(CHARTER, TERMS)
NAME = node_name("s")
QUIET = Reading(0, {"c": 1})


def tick(
    at: float, reading: Reading | None = QUIET, name: str | None = NAME, skew: float = 0, phase: str = "active"
) -> Tick:
    standing = None if name is None else Standing(name, phase)
    return Tick(uptime=at, now=START + at + skew, reading=reading, standing=standing)


def run(*ticks: Tick, dog: Watchdog = FRESH) -> list[Command]:
    commands = []
    for each in ticks:
        dog = dog.step(each)
        commands.append(dog.command)
    return commands


def test_an_idle_node_drains_is_read_once_more_and_ends() -> None:
    assert run(tick(0), tick(599), tick(600), tick(630)) == ["serve", "serve", "drain", "end"]


def test_a_request_that_slipped_in_before_the_drain_saves_the_node() -> None:
    late = Reading(0, {"c": 2})
    assert run(tick(0), tick(600), tick(630, late), tick(660, late)) == ["serve", "drain", "serve", "serve"]


def test_a_stream_longer_than_the_window_is_activity_to_its_end() -> None:
    streaming = Reading(1, {"c": 1})
    # It ended at some time before 930: for all that is known, right before.
    assert run(tick(0), tick(900, streaming), tick(930), tick(1529), tick(1530)) == ["serve"] * 4 + ["drain"]


def test_a_request_shorter_than_the_poll_is_seen_by_its_counter() -> None:
    assert run(tick(0), tick(300, Reading(0, {"c": 2})), tick(899, Reading(0, {"c": 2}))) == ["serve"] * 3


def test_a_counter_that_went_back_is_activity() -> None:
    reset = Reading(0, {"c": 0})
    assert run(tick(0), tick(590, reset), tick(1100, reset), tick(1190, reset)) == ["serve"] * 3 + ["drain"]


def test_a_failed_reading_is_neither_idle_nor_busy_and_ill_after_its_grace() -> None:
    assert run(tick(0), tick(590), tick(889, None), tick(890, None)) == ["serve"] * 3 + ["end"]
    assert run(tick(0), tick(500), tick(700, None), tick(701)) == ["serve"] * 3 + ["drain"]


def test_a_node_that_never_gets_ready_ends() -> None:
    assert run(tick(3599, None), tick(3600, None)) == ["serve", "end"]


def test_a_node_that_never_becomes_active_ends_itself_by_its_boot_deadline() -> None:
    booting = [tick(at, None, phase="booting") for at in (0, BOOT_SECONDS - 1, BOOT_SECONDS)]
    assert run(*booting) == ["serve", "serve", "end"]
    assert run(tick(BOOT_SECONDS, phase="active")) == ["serve"]


def test_a_node_that_the_provider_calls_unhealthy_ends_itself_however_it_feels() -> None:
    assert run(tick(0, Reading(1, {}), phase="unhealthy")) == ["end"]
    assert run(tick(0, Reading(1, {}), phase="of another version")) == ["serve"]


def test_a_hold_keeps_an_idle_node_and_its_end_lets_it_go() -> None:
    held = held_name("s", START + 2000, "demo")
    assert run(*(tick(at, name=held) for at in (0, 700, 1999, 2000, 2030))) == ["serve"] * 3 + ["drain", "end"]


def test_a_hold_is_void_when_the_control_side_is_not_heard_of() -> None:
    held = held_name("s", START + 9000, "demo")
    assert run(tick(0, name=held), tick(900, name=None), tick(901, name=None)) == ["serve", "serve", "drain"]


def test_nothing_is_refused_for_idleness_before_anybody_who_could_end_the_node_has_answered() -> None:
    unheard = [tick(at, name=None) for at in (0, 600, 5000, 19_000, 19_880, 20_000)]
    assert run(*unheard) == ["serve"] * 4 + ["drain", "end"]
    assert run(tick(0, name=None), tick(5000), tick(5030)) == ["serve", "drain", "end"]


def test_an_idle_end_that_does_not_come_is_let_go_until_the_window_is_over_anew() -> None:
    asked = [tick(0), tick(600), tick(605), tick(620), tick(904)]
    assert run(*asked) == ["serve", "drain", "end", "end", "end"]
    again = [tick(905), tick(920), tick(1504), tick(1505), tick(1510)]
    assert run(*asked, *again)[5:] == ["serve", "serve", "serve", "drain", "end"]
    unheard = [tick(905, name=None), tick(9000, name=None)]
    assert run(*asked, *unheard, tick(9030))[5:] == ["serve", "serve", "drain"]


def test_an_end_by_age_or_illness_is_never_let_go() -> None:
    assert run(tick(0), tick(20_000), tick(20_300), tick(29_000)) == ["serve", "end", "end", "end"]
    assert run(tick(0, phase="unhealthy"), tick(300), tick(301)) == ["end"] * 3
    idle = [tick(0), tick(19_800), tick(19_805)]
    assert run(*idle, tick(20_105))[2:] == ["end", "end"], "its time was over meanwhile"


def test_life_ends_whatever_the_traffic_and_drains_before() -> None:
    busy = Reading(3, {})
    times = (0, 19_879, 19_880, 19_999, 20_000)
    assert run(*(tick(at, busy) for at in times)) == ["serve", "serve", "drain", "drain", "end"]


def test_once_drained_before_the_end_of_its_life_it_need_not_wait() -> None:
    busy = Reading(1, {})
    assert run(tick(0, busy), tick(19_880, busy), tick(19_890, QUIET)) == ["serve", "drain", "end"]


def test_a_clock_that_stands_still_does_not_prolong_life() -> None:
    busy = Reading(1, {})
    assert run(tick(0, busy), tick(20_000, busy, skew=-20_000)) == ["serve", "end"]


def test_a_machine_that_was_rebooted_is_no_younger() -> None:
    assert run(tick(5, Reading(1, {}), skew=20_000)) == ["end"]


def test_the_end_is_final() -> None:
    assert run(tick(0, None), tick(20_000, None), tick(20_030, Reading(5, {}))) == ["serve", "end", "end"]


READINGS = st.none() | st.builds(
    Reading, st.sampled_from([0.0, 0.0, 1.0]), st.fixed_dictionaries({"c": st.integers(0, 2)})
)
NAMES = st.none() | st.just(NAME) | st.integers(START, START + 99_999).map(lambda until: held_name("s", until, "x"))
STEPS = st.lists(st.tuples(st.floats(1, 3000), READINGS, NAMES, st.floats(-9000, 9000)), max_size=60)


def walk(steps: list[tuple[float, Reading | None, str | None, float]]) -> list[tuple[Tick, Watchdog]]:
    at, dog, walked = 0.0, FRESH, []
    for gap, reading, name, skew in steps:
        at += gap
        seen = tick(at, reading, name, skew)
        dog = dog.step(seen)
        walked.append((seen, dog))
    return walked


@given(STEPS)
def test_whatever_happens_no_node_outlives_its_cap(
    steps: list[tuple[float, Reading | None, str | None, float]],
) -> None:
    for seen, dog in walk(steps):
        if seen.uptime >= CHARTER.ends_by - START:
            assert dog.command == "end"


@given(STEPS)
def test_without_a_hold_no_node_outlives_its_time(
    steps: list[tuple[float, Reading | None, str | None, float]],
) -> None:
    for seen, dog in walk([(gap, reading, None, skew) for gap, reading, _, skew in steps]):
        if max(seen.uptime, seen.now - START) >= CHARTER.expires_at - START:
            assert dog.command == "end"


@given(STEPS)
def test_what_is_seen_in_flight_is_never_ended_before_its_time(
    steps: list[tuple[float, Reading | None, str | None, float]],
) -> None:
    before = FRESH
    for seen, dog in walk(steps):
        busy = seen.reading is not None and seen.reading.in_flight > 0
        if busy and before.command != "end" and dog.life_left(seen) > 0:
            assert dog.command != "end"
        before = dog


@given(STEPS)
def test_what_moved_within_the_window_is_never_ended_for_being_idle(
    steps: list[tuple[float, Reading | None, str | None, float]],
) -> None:
    moved, last = 0.0, None
    for seen, dog in walk(steps):
        if seen.reading is not None and (seen.reading.in_flight or seen.reading != last):
            moved, last = seen.uptime, seen.reading
        if dog.command == "end":
            assert not dog.why.startswith("idle") or seen.uptime - moved >= TERMS.window
            break


@given(st.floats(0, 5000), st.integers(1, 60))
def test_an_idle_node_ends_within_the_window_and_two_polls(phase: float, poll: int) -> None:
    dog, at = replace(FRESH, terms=replace(TERMS, poll=poll)), phase
    dog = dog.step(tick(at, Reading(1, {"c": 1})))
    since = at = at + poll  # it ended right before this poll
    dog = dog.step(tick(at))
    while dog.command != "end":
        at += poll
        dog = dog.step(tick(at))
        assert at - since <= TERMS.window + 2 * poll


@pytest.mark.parametrize("command", ["serve", "drain"])
def test_a_drain_that_has_no_reason_any_more_is_taken_back(command: Command) -> None:
    draining = replace(FRESH, command="drain", draining="idle", why="idle")
    reading = Reading(1, {}) if command == "serve" else Reading(0, {})
    at = 700.0 if command == "serve" else 19_950.0
    assert run(tick(at, reading), dog=draining)[0] == ("serve" if command == "serve" else "end")
