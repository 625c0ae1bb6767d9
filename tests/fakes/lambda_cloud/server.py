"""One real HTTP server for many fakes, one after the other: a test gets a fresh one in no time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from starlette.types import Receive, Scope, Send

from tests.fakes.lambda_cloud.app import BASE, FakeLambda
from tests.fakes.serving import serving


class Wire:
    """`url`: where the current fake answers."""

    url: str

    def __init__(self) -> None:
        self.fake = FakeLambda()

    def fresh(self) -> FakeLambda:
        """Another account, and another clock."""
        self.fake = FakeLambda()
        return self.fake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.fake.app(scope, receive, send)


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    served = Wire()
    with serving(served) as url:
        served.url = url + BASE
        yield served
