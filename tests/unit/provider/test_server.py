"""The plugin as Pulumi's engine sees it: over gRPC, in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto import status_pb2
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from trivet.errors import HostError
from trivet.provider.resource import InitFailedError
from trivet.provider.server import PlainErrors

URN = "urn:pulumi:unit::inference::trivet:host:{}::stack"
PLUGIN = [sys.executable, "-m", "trivet.provider", "127.0.0.1:1", "--logtostderr"]


@pytest.fixture
def plugin() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(PLUGIN, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def stub(plugin: subprocess.Popen[bytes]) -> Iterator[Any]:
    assert plugin.stdout is not None
    with grpc.insecure_channel(f"127.0.0.1:{int(plugin.stdout.readline())}") as channel:
        yield ResourceProviderStub(channel)


def test_the_plugin_says_its_version(stub: Any) -> None:
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == "0.1.0"


def test_a_check_failure_names_the_property(stub: Any) -> None:
    news = struct_pb2.Struct()
    news.update({"port": 0})
    response = stub.Check(proto.CheckRequest(urn=URN.format("Bundle"), news=news))
    assert "port" in [failure.property for failure in response.failures]


def test_an_error_arrives_as_its_text(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Read(proto.ReadRequest(urn=URN.format("Nothing"), id="x"))
    assert caught.value.details() == (
        "trivet:host:Nothing\n"
        "  rule:   the provider knows trivet:host:Bundle, trivet:host:Workstation, trivet:lambdacloud:Instance, "
        "trivet:modal:App, trivet:registry:Image\n"
        "  remedy: correct the type, or update Trivet"
    )


def test_what_is_not_served_says_so(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetMapping(proto.GetMappingRequest())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_plugin_ends_when_it_is_told(plugin: subprocess.Popen[bytes], stub: Any, number: int) -> None:
    stub.GetPluginInfo(empty_pb2.Empty())
    os.kill(plugin.pid, number)
    assert plugin.wait(5) == 0


def test_the_plugin_ends_when_its_engine_is_gone(plugin: subprocess.Popen[bytes], stub: Any) -> None:
    stub.GetPluginInfo(empty_pb2.Empty())
    assert plugin.stdin is not None
    plugin.stdin.close()  # what a kill -9 of the engine does
    assert plugin.wait(5) == 0


async def test_what_is_half_made_arrives_with_its_id_properties_and_reasons() -> None:
    error = InitFailedError("trivet-unit", {"url": PropertyValue("u")}, ["model-a is unhealthy", "its last words"])
    status = await failing_with(error)
    detail = proto.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (detail.id, dict(detail.properties), list(detail.reasons)) == (
        "trivet-unit",
        {"url": "u"},
        ["model-a is unhealthy", "its last words"],
    )


async def test_what_was_refused_leaves_nothing_behind() -> None:
    with pytest.raises(AssertionError, match="no details"):
        await failing_with(HostError(value="v", rule="r", remedy="m"))


async def failing_with(error: Exception) -> status_pb2.Status:
    """The status with which a Create ends that raises this."""

    async def create(request: Any, context: Any) -> Any:
        del request, context
        raise error

    server = grpc.aio.server(interceptors=[PlainErrors()])
    handler = grpc.unary_unary_rpc_method_handler(
        create, proto.CreateRequest.FromString, proto.CreateResponse.SerializeToString
    )
    service = grpc.method_handlers_generic_handler("pulumirpc.ResourceProvider", {"Create": handler})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(
                "/pulumirpc.ResourceProvider/Create",
                request_serializer=proto.CreateRequest.SerializeToString,
                response_deserializer=proto.CreateResponse.FromString,
            )
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await asyncio.wait_for(call(proto.CreateRequest()), 5)
    finally:
        await server.stop(None)
    metadata = dict(caught.value.trailing_metadata())
    assert "grpc-status-details-bin" in metadata, "no details"
    return status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
