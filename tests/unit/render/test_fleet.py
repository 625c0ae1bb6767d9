"""Batches: every host once, in its order, never more at a time than may be unavailable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trivet.render.fleet import batches

HOSTS = st.lists(st.text(min_size=1), unique=True)
SIZES = st.integers(min_value=1, max_value=1000)


@given(HOSTS, SIZES)
def test_every_host_comes_once_and_in_its_order(hosts: list[str], size: int) -> None:
    assert [host for batch in batches(hosts, size) for host in batch] == hosts


@given(HOSTS, SIZES)
def test_no_batch_is_larger_than_it_may_be_and_only_the_last_is_smaller(hosts: list[str], size: int) -> None:
    found = [len(batch) for batch in batches(hosts, size)]
    assert all(length == size for length in found[:-1])
    assert all(0 < length <= size for length in found[-1:])


def test_rolling_is_one_at_a_time_and_all_at_once_is_one_batch() -> None:
    assert list(batches("abc", 1)) == ["a", "b", "c"]
    assert list(batches("abc", 3)) == ["abc"]
