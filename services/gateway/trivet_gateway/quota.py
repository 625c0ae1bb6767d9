"""Quotas: reserved before a request is dispatched, settled once after it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from trivet_gateway.asgi import Headers
from trivet_gateway.config import Team
from trivet_gateway.errors import ApiError
from trivet_gateway.window import Slot, Window

RATE: Final = "rate_limit_exceeded"


class TeamQuota:
    """What a team has in use: requests and tokens in the last 60 seconds, and requests in flight."""

    def __init__(self, team: Team, clock: Callable[[], float] = time.monotonic) -> None:
        self.requests = Window(team.quota.requests_per_minute)
        self.tokens = Window(team.quota.tokens_per_minute)
        self.concurrency = team.quota.concurrency
        self.in_flight = 0
        self._team = team.name
        self._clock = clock
        self._limits = [
            (b"x-ratelimit-limit-requests", b"%d" % self.requests.limit),
            (b"x-ratelimit-limit-tokens", b"%d" % self.tokens.limit),
        ]

    def reserve(self, tokens: int) -> Reservation:
        """Reserve one request, a place in flight and `tokens`: all of them or none.

        Raises:
            ApiError: 429 when the quota is used up, with the time to wait; 400 when it can never suffice.
        """
        now = self._clock()
        if tokens > self.tokens.limit:
            raise ApiError(
                400,
                f"This request may take {tokens} tokens, more than team {self._team} may use in a minute "
                f"({self.tokens.limit}). Lower max_tokens or shorten the input.",
                code="request_exceeds_quota",
            )
        if self.in_flight >= self.concurrency:
            raise self._exhausted("too_many_at_a_time", f"{self.concurrency} requests at a time", 1.0)
        if wait := self.requests.wait(now, 1):
            raise self._exhausted(RATE, f"{self.requests.limit} requests per minute", wait)
        if wait := self.tokens.wait(now, tokens):
            raise self._exhausted(RATE, f"{self.tokens.limit} tokens per minute ({tokens} asked for)", wait)
        self.in_flight += 1
        return Reservation(self, self.requests.take(now, 1), self.tokens.take(now, tokens), tokens)

    def remaining(self) -> Headers:
        """What is left, in OpenAI's response headers."""
        return [
            *self._limits,
            (b"x-ratelimit-remaining-requests", b"%d" % max(0, self.requests.limit - self.requests.used)),
            (b"x-ratelimit-remaining-tokens", b"%d" % max(0, self.tokens.limit - self.tokens.used)),
        ]

    def _exhausted(self, code: str, what: str, wait: float) -> ApiError:
        return ApiError(
            429,
            f"Team {self._team} is limited to {what}. Try again after the time in Retry-After.",
            code=code,
            retry_after=wait,
        )


class Reservation:
    """What one request holds. Settled exactly once; what comes after the first settlement has no effect."""

    __slots__ = ("_quota", "_request_slot", "_settled", "_token_slot", "tokens")

    def __init__(self, quota: TeamQuota, request_slot: Slot, token_slot: Slot, tokens: int) -> None:
        self._quota = quota
        self._request_slot = request_slot
        self._token_slot = token_slot
        self._settled = False
        self.tokens = tokens

    def settle(self, tokens: int) -> None:
        """The request is over and used `tokens`."""
        if not self._settled:
            self._settled = True
            self._quota.in_flight -= 1
            self._quota.tokens.change(self._token_slot, tokens - self.tokens)

    def release(self) -> None:
        """The request was never dispatched: give everything back."""
        if not self._settled:
            self._quota.requests.change(self._request_slot, -1)
            self.settle(0)
