"""Progress on the operator's terminal, through the engine."""

from __future__ import annotations

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from trivet.drivers.host import Report

SECONDS = 5


class EngineLog:
    """The engine's `Log` RPC. Usable from any thread."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def of(self, urn: str) -> Report:
        """Where progress on a resource goes: a line beside it, replaced by the next one."""
        return self._to(urn, ephemeral=True)

    def note(self, urn: str) -> Report:
        """Where goes what is still to be read when all is done."""
        return self._to(urn, ephemeral=False)

    def _to(self, urn: str, *, ephemeral: bool) -> Report:
        def report(line: str) -> None:
            request = engine_pb2.LogRequest(severity=engine_pb2.INFO, urn=urn, message=line, ephemeral=ephemeral)
            try:
                self._engine.Log(request, timeout=SECONDS)
            except grpc.RpcError as exc:
                # An engine that is going away takes no more lines; the work goes on or is cancelled on its own account.
                if exc.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                    raise

        return report
