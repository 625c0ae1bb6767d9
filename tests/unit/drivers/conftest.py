"""A fake Lambda on the wire, for the session; a fresh account and clock for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.lambda_cloud import KEY, FakeLambda
from tests.fakes.lambda_cloud.server import Wire, wire
from trivet.drivers.lambda_cloud import LambdaCloud


@pytest.fixture(scope="session")
def lambda_wire() -> Iterator[Wire]:
    with wire() as served:
        yield served


@pytest.fixture
def fake(lambda_wire: Wire) -> FakeLambda:
    return lambda_wire.fresh()


@pytest.fixture
def cloud(lambda_wire: Wire, fake: FakeLambda) -> Iterator[LambdaCloud]:
    with LambdaCloud(KEY, url=lambda_wire.url, clock=fake.clock) as client:
        yield client
