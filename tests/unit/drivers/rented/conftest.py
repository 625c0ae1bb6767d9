"""A world for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.lambda_cloud import FakeLambda
from tests.fakes.lambda_cloud.server import Wire
from tests.unit.drivers.rented.world import World


@pytest.fixture
def world(fake: FakeLambda, lambda_wire: Wire, tmp_path: Path) -> World:
    fake.account.boot_seconds = 60
    return World(fake, lambda_wire.url, tmp_path / "rented")
