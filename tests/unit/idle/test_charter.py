"""Tags and names tell how long a node may live."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.lambda_cloud.requests import TagBody
from trivet.idle.charter import NAME_LENGTH, Charter, charter_of, held_name, is_ours, node_name

CHARTER = Charter(stack="gpuaas", launch_id="l1", launched_at=1000, expires_at=5000, ends_by=9000)
STACKS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,39}", fullmatch=True)


def test_tags_come_back_as_they_went() -> None:
    assert charter_of(CHARTER.tags()) == CHARTER


def test_the_provider_accepts_the_tags() -> None:
    assert [TagBody(key=key, value=value) for key, value in CHARTER.tags().items()]


def test_somebody_elses_node_has_no_charter() -> None:
    tags = {**CHARTER.tags(), "managed-by": "somebody"}
    assert (is_ours(tags), charter_of(tags)) == (False, None)


def test_incomplete_tags_are_no_charter() -> None:
    for missing in set(CHARTER.tags()) - {"managed-by"}:
        tags = {key: value for key, value in CHARTER.tags().items() if key != missing}
        assert (is_ours(tags), charter_of(tags)) == (True, None)


def test_without_a_hold_life_ends_when_it_expires() -> None:
    assert (CHARTER.held_until(node_name("gpuaas")), CHARTER.deadline(node_name("gpuaas"))) == (0, 5000)


def test_a_hold_prolongs_life_and_a_short_one_does_not_shorten_it() -> None:
    assert CHARTER.deadline(held_name("gpuaas", 7000, "demo")) == 7000
    assert CHARTER.deadline(held_name("gpuaas", 2000, "demo")) == 5000


@given(STACKS, st.integers(0, 10**12 - 1), st.text(max_size=99))
def test_no_hold_reaches_beyond_the_cap_and_no_name_is_too_long(stack: str, until: int, why: str) -> None:
    name = held_name(stack, until, why)
    assert len(name) <= NAME_LENGTH
    assert CHARTER.held_until(name) == min(until, 9000)
    assert CHARTER.deadline(name) <= 9000


@given(st.text())
def test_any_name_has_a_deadline_within_bounds(name: str) -> None:
    assert 5000 <= CHARTER.deadline(name) <= 9000
