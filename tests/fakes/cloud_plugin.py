"""A stand-in for the provider plugin of a cloud, for machines that cannot download the real one.

It speaks the engine's protocol (`provider.proto`) and creates nothing outside. Like the real plugins it refuses an AWS
resource without any region, previews nothing (so what a resource puts out is unknown until it exists), and its
outputs are its inputs, an `arn`, and the region in which it lies.

    cloud_plugin.py PACKAGE ENGINE
"""
# ruff: noqa: ARG002, N802 - the protocol names the methods and their arguments

from __future__ import annotations

import contextlib
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto.plugin_pb2 import PluginInfo
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server

PLACES = {"aws": ("region",), "gcp": ("location", "region", "zone"), "azure-native": ("location",)}


class CloudPlugin(ResourceProviderServicer):
    """One configured provider of `package`."""

    def __init__(self, package: str) -> None:
        self._places = PLACES.get(package, ())
        self._default: str | None = None

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> PluginInfo:
        return PluginInfo(version="7.51.1")

    def CheckConfig(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        return proto.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        return proto.DiffResponse(changes=proto.DiffResponse.DIFF_NONE)

    def Configure(self, request: proto.ConfigureRequest, context: grpc.ServicerContext) -> proto.ConfigureResponse:
        self._default = next((request.args[key] for key in self._places if key in request.args), None)
        return proto.ConfigureResponse(acceptSecrets=False, supportsPreview=False)

    def Check(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        known = [key for key in self._places if key in request.news]
        if not known and self._default is None and self._places == ("region",):
            failure = proto.CheckFailure(property="region", reason="Missing region configuration")
            return proto.CheckResponse(inputs=request.news, failures=[failure])
        return proto.CheckResponse(inputs=request.news)

    def Diff(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        changed = request.old_inputs != request.news
        return proto.DiffResponse(changes=proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE)

    def Create(self, request: proto.CreateRequest, context: grpc.ServicerContext) -> proto.CreateResponse:
        made = uuid.uuid4().hex[:8]
        outputs = request.properties
        here = next((outputs[key] for key in self._places if key in outputs), self._default)
        outputs.update({"arn": f"arn:aws:test:{here}:1:{made}", "lies": here})
        return proto.CreateResponse(id=made, properties=outputs)

    def Delete(self, request: proto.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        return Empty()

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        return Empty()


def main() -> None:
    """Serve until the engine ends this process."""
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    add_ResourceProviderServicer_to_server(CloudPlugin(sys.argv[1]), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.wait_for_termination()


if __name__ == "__main__":
    main()
