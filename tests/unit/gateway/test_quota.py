"""Quotas: whatever the order of reservations, settlements and time, nothing leaks and nothing is given back twice."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from trivet_gateway.config import Key, Quota, Team
from trivet_gateway.errors import ApiError
from trivet_gateway.quota import Reservation, TeamQuota
from trivet_gateway.window import SECONDS, SLOT_SECONDS


def team(requests: int = 10, tokens: int = 100, concurrency: int = 4) -> Team:
    quota = Quota(requests_per_minute=requests, tokens_per_minute=tokens, concurrency=concurrency)
    return Team(name="red", models=("*",), data_classes=(), quota=quota, keys=(Key(name="k", sha256="0" * 64),))


class QuotaMachine(RuleBasedStateMachine):
    """A quota beside a record of everything that was done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.quota = TeamQuota(team(), clock=lambda: self.now)
        self.open: list[int] = []
        self.record: list[tuple[float, int, int]] = []  # when, requests, tokens
        self.held: list[Reservation] = []

    @rule(tokens=st.integers(1, 120))
    def reserve(self, tokens: int) -> None:
        requests, used = self.recent(slack=0.0)
        surely_full = len(self.open) >= 4 or requests + 1 > 10 or used + tokens > 100
        requests, used = self.recent(slack=SLOT_SECONDS)
        surely_free = len(self.open) < 4 and requests + 1 <= 10 and used + tokens <= 100
        try:
            reservation, refusal = self.quota.reserve(tokens), None
        except ApiError as error:
            reservation, refusal = None, error
        assert not (surely_full and reservation)
        assert not (surely_free and refusal)
        if refusal:
            assert refusal.status == (400 if tokens > 100 else 429)
            assert refusal.status == 400 or 0 < (refusal.retry_after or 0) <= SECONDS
        if reservation:
            self.open.append(len(self.record))
            self.record.append((self.now, 1, tokens))
            self.held.append(reservation)

    @rule(pick=st.integers(0, 10), tokens=st.integers(0, 150))
    def settle(self, pick: int, tokens: int) -> None:
        if self.open:
            index = self.open.pop(pick % len(self.open))
            self.held[index].settle(tokens)
            at, requests, _ = self.record[index]
            self.record[index] = (at, requests, tokens)

    @rule(pick=st.integers(0, 10))
    def release(self, pick: int) -> None:
        if self.open:
            index = self.open.pop(pick % len(self.open))
            self.held[index].release()
            self.record[index] = (self.record[index][0], 0, 0)

    @rule(pick=st.integers(0, 30), tokens=st.integers(0, 150))
    def settle_what_is_settled(self, pick: int, tokens: int) -> None:
        closed = [index for index in range(len(self.held)) if index not in self.open]
        if closed:
            self.held[closed[pick % len(closed)]].settle(tokens)
            self.held[closed[pick % len(closed)]].release()

    @rule(seconds=st.sampled_from([0.01, 0.09, 1.0, 10.0, 59.9, 61.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def what_is_in_flight_is_what_is_open(self) -> None:
        assert self.quota.in_flight == len(self.open)

    @invariant()
    def the_windows_hold_what_the_record_holds(self) -> None:
        self.quota.requests.wait(self.now, 0)
        self.quota.tokens.wait(self.now, 0)
        for slack, compare in ((0.0, int.__ge__), (SLOT_SECONDS, int.__le__)):
            requests, tokens = self.recent(slack)
            assert compare(self.quota.requests.used, requests)
            assert compare(self.quota.tokens.used, tokens)

    def recent(self, slack: float) -> tuple[int, int]:
        recent = [(requests, tokens) for at, requests, tokens in self.record if self.now - at < SECONDS + slack]
        return sum(requests for requests, _ in recent), sum(tokens for _, tokens in recent)


TestQuotaMachine = QuotaMachine.TestCase


def test_a_refused_reservation_takes_nothing() -> None:
    quota = TeamQuota(team(requests=5, tokens=100), clock=lambda: 0.0)
    quota.reserve(90)
    with pytest.raises(ApiError, match="100 tokens per minute"):
        quota.reserve(20)
    assert (quota.requests.used, quota.tokens.used, quota.in_flight) == (1, 90, 1)


def test_a_request_above_the_whole_quota_is_told_so_and_not_to_wait() -> None:
    with pytest.raises(ApiError, match=r"Lower max_tokens") as refusal:
        TeamQuota(team(tokens=100)).reserve(101)
    assert (refusal.value.status, refusal.value.retry_after) == (400, None)


def test_too_many_at_a_time_is_told_apart_from_too_many_a_minute() -> None:
    quota = TeamQuota(team(requests=2, concurrency=1), clock=lambda: 0.0)
    held = quota.reserve(1)
    with pytest.raises(ApiError) as refusal:
        quota.reserve(1)
    assert refusal.value.code == "too_many_at_a_time"
    held.settle(1)
    quota.reserve(1).settle(1)
    with pytest.raises(ApiError) as refusal:
        quota.reserve(1)
    assert refusal.value.code == "rate_limit_exceeded"
