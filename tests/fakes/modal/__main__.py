"""`python -m tests.fakes.modal`: a Modal on this machine, and a registry with the checkout's images, until a signal."""

from __future__ import annotations

import argparse
import asyncio
import signal
import tempfile
from pathlib import Path

from tests.fakes.image_registry import serving_images
from tests.fakes.modal.server import FakeModal
from trivet.bundle.layout import Layout
from trivet.spec import load_spec

SAY = """\
# In another shell, at the root of this checkout:
{exports}
pulumi stack select --create modal
pulumi config set tier gpuaas
pulumi config set target modal
pulumi config set region eu-west
pulumi config set --path modal.registry {registry}/trivet
pulumi config set --path modal.routingRegion eu-west
pulumi up --stack modal
# Destroy it before this ends: what is here goes with it."""


def main() -> None:
    """Serve, and say how to get there."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.modal", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="of the API (default: 8090; 0: a free one)")
    parser.add_argument("--registry-port", type=int, default=8091, help="of the registry (default: 8091)")
    args = parser.parse_args()
    store = Layout(Path(".trivet/store"))
    found = {f"trivet/image/{name}": store.find(f"image/{name}") for name in load_spec(Path("inference.yaml")).images}
    images = {name: entry for name, entry in found.items() if entry}
    with serving_images(store, images, port=args.registry_port) as registry, tempfile.TemporaryDirectory() as directory:
        asyncio.run(serve(FakeModal(Path(directory)), args.port, registry))


async def serve(fake: FakeModal, port: int, registry: str) -> None:
    """Until SIGINT or SIGTERM."""
    await fake.start(port)
    exports = "\n".join(f"export {key}={value}" for key, value in fake.environ.items())
    print(SAY.format(exports=exports, registry=registry), flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await fake.stop()


if __name__ == "__main__":
    main()
