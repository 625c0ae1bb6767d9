"""Real stacks on the real engine, from the images and models that `make test` put into the checkout's store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.program.stack import NewStack, Stack, deployed


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A deployed stack for the whole session: `url`, `key`, `key_file`, `pulumi(…)`. Leave it as you found it."""
    with deployed(Stack(tmp_path_factory.mktemp("stack"))) as stack:
        yield stack


@pytest.fixture
def new_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewStack]:
    """Makes stacks that are not deployed yet; what they leave is removed."""
    made: list[Stack] = []

    def make(**changes: Any) -> Stack:
        made.append(Stack(Path(tmp_path_factory.mktemp("stack")), changes=changes))
        return made[-1]

    yield make
    for each in made:
        each.wipe()
