"""The sliding window: never more than its limit in any 60 seconds, never stricter than it must be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trivet_gateway.window import SECONDS, SLOT_SECONDS, Window

STEPS = st.lists(st.tuples(st.floats(0, 40), st.integers(0, 12)), max_size=60)


@given(limit=st.integers(1, 20), steps=STEPS)
def test_no_sixty_seconds_hold_more_than_the_limit(limit: int, steps: list[tuple[float, int]]) -> None:
    window, now, taken = Window(limit), 0.0, list[tuple[float, int]]()
    for pause, amount in steps:
        now += pause
        if window.wait(now, amount) == 0:
            window.take(now, amount)
            taken.append((now, amount))
    for start, _ in taken:
        assert sum(amount for at, amount in taken if start <= at < start + SECONDS) <= limit


@given(limit=st.integers(1, 20), steps=STEPS, amount=st.integers(1, 20))
def test_what_it_says_to_wait_is_enough_and_at_most_a_minute(
    limit: int, steps: list[tuple[float, int]], amount: int
) -> None:
    window, now = Window(limit), 0.0
    for pause, step in steps:
        now += pause
        if window.wait(now, step) == 0:
            window.take(now, step)
    wait = window.wait(now, amount)
    if amount > limit:
        assert wait == float("inf")
    else:
        assert 0 <= wait <= SECONDS
        assert window.wait(now + wait + 1e-6, amount) == 0


@given(limit=st.integers(1, 20), steps=STEPS)
def test_it_admits_what_a_record_of_every_request_would_admit(limit: int, steps: list[tuple[float, int]]) -> None:
    window, now, taken = Window(limit), 0.0, list[tuple[float, int]]()
    for pause, amount in steps:
        now += pause
        recent = sum(used for at, used in taken if now - at <= SECONDS + SLOT_SECONDS)
        if recent + amount <= limit:
            assert window.wait(now, amount) == 0
        if window.wait(now, amount) == 0:
            window.take(now, amount)
            taken.append((now, amount))


def test_a_correction_counts_until_its_slot_has_aged() -> None:
    window = Window(10)
    slot = window.take(0.0, 8)
    window.change(slot, -5)
    assert window.used == 3
    assert window.wait(60.0, 10) == 0
    window.change(slot, 100)
    assert window.used == 0


def test_a_debt_admits_nothing_until_it_has_aged() -> None:
    window = Window(10)
    window.change(window.take(0.0, 10), 25)
    assert window.wait(1.0, 1) == 59.0
    assert window.wait(60.0, 1) == 0


def test_its_memory_does_not_grow_with_traffic() -> None:
    window = Window(10**9)
    for request in range(200_000):
        window.take(request / 1000, 1)
    assert len(window._slots) <= SECONDS / SLOT_SECONDS + 1
