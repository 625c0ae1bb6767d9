"""A checkout, an account, and everything that can go wrong between them, in one controllable time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fakes.lambda_cloud import KEY, FakeLambda, Faults, ManualClock
from tests.fakes.lambda_cloud.account import Launch as Instance
from tests.fakes.lambda_cloud.requests import LaunchBody
from trivet.drivers.compute import Door
from trivet.drivers.lambda_cloud import LambdaCloud, LambdaCompute
from trivet.drivers.rented import Choice, Launch, Ledger, Wish, acquire, release
from trivet.drivers.rented.bill import Budget
from trivet.drivers.rented.sweep import Sweep, sweep

HOUR = 3600
STACK = "gpuaas"
CHOICE = Choice(
    kinds=("gpu_1x_h100_pcie", "gpu_1x_a10"),
    regions=("us-east-1", "us-west-1"),
    ttl=8 * HOUR,
    budget=Budget(1_000_000),
)
WISH = Wish(
    stack=STACK,
    choice=CHOICE,
    max_ttl=24 * HOUR,
    label="trivet-gpuaas-0badcafe",
    public_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZha2U=",
    doors=(Door(22, "198.51.100.0/24", "SSH"), Door(8080, "198.51.100.0/24", "gateway")),
    user_data=lambda charter: f"#cloud-config\n# {charter.launch_id}\n",
)


def wish(**changes: Any) -> Wish:
    """The wish with another choice."""
    return replace(WISH, choice=replace(CHOICE, **changes))


class Killed(BaseException):
    """`kill -9`: nothing that runs after it may tidy up."""


class Mortal:
    """Counts the steps of a process down and kills it at the last."""

    def __init__(self, steps: int | None) -> None:
        self._left = steps

    def step(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Killed


class MortalClock(ManualClock):
    """Every look at it is a step: there is one before each request and each wait."""

    def __init__(self, base: ManualClock, mortal: Mortal) -> None:
        super().__init__(base)
        self._mortal = mortal

    def monotonic(self) -> float:
        self._mortal.step()
        return super().monotonic()


class MortalLedger(Ledger):
    """Dies before or after it has written."""

    def __init__(self, directory: Path, mortal: Mortal) -> None:
        super().__init__(directory)
        self._mortal = mortal

    def save(self, launch: Launch) -> Launch:
        self._mortal.step()
        saved = super().save(launch)
        self._mortal.step()
        return saved


class World:
    """`up`, `down` and `reap` as processes that may be killed at any step, against a provider that may fail."""

    def __init__(self, fake: FakeLambda, url: str, directory: Path, skew: float = 0.0) -> None:
        assert isinstance(fake.clock, ManualClock)
        self.fake, self.directory = fake, directory
        self.clock = fake.clock
        self.url = url
        self._skew = skew
        self.ledger = Ledger(directory)
        self.stranger = fake.account.launch(
            LaunchBody(region_name="us-east-1", instance_type_name="gpu_1x_a10", ssh_key_names=["theirs"])
        )

    def up(self, steps: int | None = None, faults: Faults | None = None, wish: Wish = WISH) -> Launch:
        with self._process(steps, faults) as (compute, ledger, mortal):
            return acquire(compute, ledger, wish, lambda _: mortal.step())

    def down(self, steps: int | None = None, faults: Faults | None = None) -> None:
        with self._process(steps, faults) as (compute, ledger, mortal):
            release(compute, ledger, STACK, lambda _: mortal.step())

    def reap(self, steps: int | None = None, faults: Faults | None = None) -> Sweep:
        with self._process(steps, faults) as (compute, ledger, _):
            return sweep(compute, ledger)

    @property
    def ours(self) -> list[Instance]:
        """Our instances that are not ended, listed or not."""
        return [each for each in self.fake.account.living if each is not self.stranger]

    def require_sound(self) -> None:
        """What holds at any time: nobody else's instance was touched, and no launch has two."""
        assert self.stranger.ended_at is None
        ids = [each.tags["launch-id"] for each in self.ours]
        assert len(ids) == len(set(ids))

    @contextlib.contextmanager
    def _process(
        self, steps: int | None, faults: Faults | None
    ) -> Iterator[tuple[LambdaCompute, MortalLedger, Mortal]]:
        self.fake.faults = faults or Faults()
        mortal = Mortal(steps)
        clock = MortalClock(self.clock.skewed(self._skew), mortal)
        with LambdaCloud(KEY, url=self.url, clock=clock) as cloud:
            yield LambdaCompute(cloud), MortalLedger(self.directory, mortal), mortal
