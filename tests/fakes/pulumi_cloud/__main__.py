"""`python -m tests.fakes.pulumi_cloud [--paper] aws ENGINE`: what `pulumi-resource-aws` on PATH runs."""

from __future__ import annotations

import argparse
import importlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server

from tests.fakes.pulumi_cloud.paper import AnyType, Paper
from tests.fakes.pulumi_cloud.plugin import CloudPlugin
from tests.fakes.pulumi_cloud.schema import Schema

# Package → its SDK, and the back end's module and class, which is imported for that package alone.
BACKENDS = {
    "aws": ("pulumi_aws", "tests.fakes.pulumi_cloud.aws", "Aws"),
    "azure-native": ("pulumi_azure_native", "tests.fakes.pulumi_cloud.azure", "Azure"),
    "gcp": ("pulumi_gcp", "tests.fakes.pulumi_cloud.gcp", "Gcp"),
}
MAX_MESSAGE = 400 << 20


def main() -> None:
    """Serve until the engine is gone: it holds the other end of standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--paper", action="store_true", help="make nothing, and take every type")
    parser.add_argument("package")
    parser.add_argument("engine")
    given = parser.parse_args()
    server = grpc.server(ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", MAX_MESSAGE)])
    plugin = CloudPlugin(AnyType(), Paper(given.package)) if given.paper else _served(given.package)
    add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.stop(grace=None)), daemon=True).start()
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(grace=None)


def _served(package: str) -> CloudPlugin:
    sdk, module, name = BACKENDS[package]
    return CloudPlugin(Schema(sdk), getattr(importlib.import_module(module), name)())


if __name__ == "__main__":
    main()
