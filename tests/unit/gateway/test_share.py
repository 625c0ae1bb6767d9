"""The cap on the frontier."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trivet_gateway.share import ShareBucket


@given(
    share=st.sampled_from(["0.01", "0.02", "0.05"]), burst=st.integers(1, 5), asks=st.lists(st.booleans(), max_size=400)
)
def test_escalations_never_pass_their_share_of_the_requests(share: str, burst: int, asks: list[bool]) -> None:
    bucket = ShareBucket(float(share), burst)
    for requests, asks_for_one in enumerate(asks, start=1):
        bucket.count()
        if asks_for_one:
            bucket.take()
        assert bucket.taken <= Fraction(share) * requests


def test_the_twentieth_request_may_be_the_first_to_escalate() -> None:
    bucket = ShareBucket(0.05, 20)
    for _ in range(19):
        bucket.count()
    assert not bucket.take()
    bucket.count()
    assert bucket.take()
    assert not bucket.take()


def test_what_is_saved_up_is_bounded_by_the_burst() -> None:
    bucket = ShareBucket(0.05, 2)
    for _ in range(10_000):
        bucket.count()
    assert [bucket.take() for _ in range(3)] == [True, True, False]
