"""Modal's own client in front of a Modal on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.modal.account import Account
from tests.fakes.modal.server import FakeModal, running
from tests.unit.drivers.modal.place import Answering, Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    runners: list[Answering] = []

    def runner(account: Account) -> Answering:
        runners.append(Answering(account))
        return runners[-1]

    with running(FakeModal(tmp_path / "modal", runner=runner)) as fake:
        for key, value in fake.environ.items():
            monkeypatch.setenv(key, value)
        made = Place(fake, runners[0], tmp_path)
        yield made
        made.account.close()
    assert fake.servicer.unimplemented == []
