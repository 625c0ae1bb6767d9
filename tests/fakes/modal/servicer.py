"""The gRPC service: every method of Modal's API, served by whichever part knows it, and remembered."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from grpclib import GRPCError, Status
from grpclib.const import Handler
from modal_proto.api_grpc import ModalClientBase

from tests.fakes.modal.account import TOKEN

SESSION = frozenset({"ClientHello", "AuthTokenGet"})


class Servicer:
    """What grpclib serves. `calls`: the methods called, in order; `unimplemented`: those of them that nobody serves."""

    def __init__(self, parts: Iterable[object]) -> None:
        self.calls: list[str] = []
        self.unimplemented: list[str] = []
        self._served = {name: method for part in parts for name, method in inspect.getmembers(part, callable)}

    def __mapping__(self) -> dict[str, Handler]:
        complete = type("Complete", (ModalClientBase,), dict.fromkeys(ModalClientBase.__abstractmethods__, _nothing))
        mapping: dict[str, Handler] = complete().__mapping__()
        return {path: handler._replace(func=self._handler(path)) for path, handler in mapping.items()}

    def _handler(self, path: str) -> Any:
        name = path.rpartition("/")[2]
        method = self._served.get(re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())

        async def serve(stream: Any) -> None:
            self.calls.append(name)
            if method is None:
                self.unimplemented.append(name)
                raise GRPCError(Status.UNIMPLEMENTED, f"{name} is not served here")
            sent = (stream.metadata.get("x-modal-token-id"), stream.metadata.get("x-modal-token-secret"))
            if sent != TOKEN:
                raise GRPCError(Status.UNAUTHENTICATED, "Token ID is malformed or unknown")
            answer = method(await stream.recv_message())
            if inspect.isasyncgen(answer):
                async for message in answer:
                    await stream.send_message(message)
            else:
                await stream.send_message(await answer)

        return serve


async def _nothing(_: object, stream: object) -> None:
    raise NotImplementedError(stream)
