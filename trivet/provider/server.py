"""The gRPC server around the provider.

Three things that the SDK's own server does not do: an error of ours reaches the operator as its text, without a stack;
a resource that is half made is reported with its id and properties, so that Pulumi records it; and the plugin ends when
its engine does, however that ended.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from trivet.errors import TrivetError
from trivet.provider.resource import InitFailedError

CHUNK = 4096
MAX_MESSAGE = 400 << 20  # bytes; what Pulumi's own plugins allow


async def serve(provider: Provider, *, engine: str, version: str) -> None:
    """Serve until the engine says that it is enough, or is gone. The port goes to standard output, for the engine."""
    server = grpc.aio.server(interceptors=[PlainErrors()], options=[("grpc.max_receive_message_length", MAX_MESSAGE)])
    servicer = ProviderServicer([engine], version, provider, engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await _end_of_engine()
    await provider.cancel()
    await server.stop(grace=None)


class PlainErrors(grpc.aio.ServerInterceptor):
    """Turns our exceptions into statuses that the engine shows as they are."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap what serves the method; methods that the SDK does not implement are left to say so themselves."""
        handler = await continuation(handler_call_details)
        if handler is None or not inspect.iscoroutinefunction(handler.unary_unary):
            return handler
        serve = handler.unary_unary

        async def plainly(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            try:
                return await serve(request, context)
            except InitFailedError as exc:
                status = _init_failed(exc)
                context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
                await context.abort(grpc.StatusCode.UNKNOWN, status.message)
            except TrivetError as exc:
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(exc))

        return grpc.unary_unary_rpc_method_handler(plainly, handler.request_deserializer, handler.response_serializer)


def _init_failed(exc: InitFailedError) -> status_pb2.Status:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=exc.resource_id, properties=PropertyValue.marshal_map(exc.properties), reasons=exc.reasons
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message="; ".join(exc.reasons))
    status.details.add().Pack(detail)
    return status


async def _end_of_engine() -> None:
    """Wait for a signal, or for the end of standard input: the engine holds its other side until it dies."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)

    def watch() -> None:
        # Not sys.stdin: a thread inside it holds a lock that the interpreter wants when it ends.
        while os.read(sys.stdin.fileno(), CHUNK):
            pass
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    await ended.wait()
