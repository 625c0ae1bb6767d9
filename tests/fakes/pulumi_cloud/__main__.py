"""`python -m tests.fakes.pulumi_cloud aws ENGINE`: what `pulumi-resource-aws` on PATH runs."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server

from tests.fakes.pulumi_cloud.aws import Aws
from tests.fakes.pulumi_cloud.plugin import CloudPlugin
from tests.fakes.pulumi_cloud.schema import Schema

BACKENDS = {"aws": ("pulumi_aws", Aws)}
MAX_MESSAGE = 400 << 20


def main() -> None:
    """Serve until the engine is gone: it holds the other end of standard input."""
    package, backend = BACKENDS[sys.argv[1]]
    server = grpc.server(ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", MAX_MESSAGE)])
    add_ResourceProviderServicer_to_server(CloudPlugin(Schema(package), backend()), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.stop(grace=None)), daemon=True).start()
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        server.stop(grace=None)


if __name__ == "__main__":
    main()
