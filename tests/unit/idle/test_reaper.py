"""The reaper's verdicts, told from the provider's list alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trivet.idle.charter import BOOT_SECONDS, Charter, held_name
from trivet.idle.node import Node, Phase
from trivet.idle.reaper import NOBODY, judge, judge_all

CHARTER = Charter("s", "l", 1000, 50_000, 90_000)
NODE = Node("n", "trivet s", "active", "gpu_1x_a10", "us-east-1", 129, CHARTER.tags(), "192.0.2.1")


def action(node: Node, now: float, owners: dict[str, str] | None = None) -> str:
    return judge(node, now, owners or {}).action


def test_a_node_in_its_time_is_kept_and_one_past_it_ends() -> None:
    assert (action(NODE, 49_999), action(NODE, 50_000)) == ("keep", "end")


def test_a_hold_is_honoured_up_to_the_cap() -> None:
    held = replace(NODE, name=held_name("s", 99_999, "demo"))
    assert (action(held, 89_999), action(held, 90_000)) == ("keep", "end")


def test_an_unhealthy_node_ends() -> None:
    assert action(replace(NODE, phase="unhealthy"), 2000) == "end"


def test_a_node_that_boots_for_too_long_ends() -> None:
    booting = replace(NODE, phase="booting", address=None)
    assert action(booting, 1000 + BOOT_SECONDS - 1) == "keep"
    assert action(booting, 1000 + BOOT_SECONDS) == "end"


def test_a_node_of_a_launch_that_was_given_up_ends() -> None:
    assert action(NODE, 2000, {"l": NOBODY}) == "end"
    assert action(NODE, 2000, {"l": "another"}) == "end"
    assert action(NODE, 2000, {"l": "n"}) == "keep"


def test_a_node_of_another_checkout_is_left_to_its_own_deadline() -> None:
    assert action(NODE, 2000, {"other": NOBODY}) == "keep"


def test_a_node_that_is_ending_is_waited_for() -> None:
    assert action(replace(NODE, phase="ending"), 99_999) == "wait"


def test_what_says_that_it_is_ours_without_saying_how_long_is_left_to_a_person() -> None:
    verdict = judge(replace(NODE, tags={"managed-by": "trivet"}), 99_999, {})
    assert (verdict.action, "yourself" in verdict.why) == ("keep", True)


TAGS = st.dictionaries(st.sampled_from([*CHARTER.tags(), "owner"]), st.sampled_from(["trivet", "1", "x", "99"]))
PHASES: tuple[Phase, ...] = ("booting", "active", "unhealthy", "ending", "ended")


@given(TAGS, st.sampled_from(PHASES), st.floats(0, 1e6))
def test_what_is_not_ours_is_never_judged(tags: dict[str, str], phase: Phase, now: float) -> None:
    judged = judge_all([replace(NODE, tags=tags, phase=phase)], now, {"l": NOBODY})
    assert bool(judged) == (tags.get("managed-by") == "trivet")


@given(st.sampled_from(PHASES), st.floats(90_000, 1e6), st.text(max_size=64))
def test_whatever_its_name_and_phase_a_node_past_its_cap_ends_or_is_ending(phase: Phase, now: float, name: str) -> None:
    expected = "wait" if phase in {"ending", "ended"} else "end"
    assert action(replace(NODE, phase=phase, name=name), now) == expected
