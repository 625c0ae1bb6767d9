"""`make fake-clouds`: a Lambda, a Modal and a registry on this machine, in real time, until Ctrl-C.

Lambda's instances are workstations of the lab, on which the stack really starts; Modal's containers are this machine's.
With the end of this, all of it ends.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.image_registry import serving_images
from tests.fakes.lambda_cloud import KEY, FakeLambda
from tests.fakes.lambda_cloud.app import BASE
from tests.fakes.lambda_cloud.lab import bridge, lab_machines
from tests.fakes.modal.server import FakeModal, running
from tests.fakes.serving import serving
from trivet.bundle.layout import Layout
from trivet.drivers.clock import SystemClock
from trivet.spec import load_spec

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TRIVET = Path(".trivet")
LABEL = "lab-fake-lambda"
SAY = """\
# In another shell, at the root of this checkout:
. .trivet/env
export LAMBDA_CLOUD_URL={url} LAMBDA_API_KEY={key}
{exports}

# A node at Lambda, with the settings of stacks/Pulumi.gpuaas.yaml:
pulumi up --stack gpuaas          # `pulumi stack init gpuaas` comes first, once

# A container on Modal:
pulumi stack select --create modal
pulumi config set tier gpuaas
pulumi config set target modal
pulumi config set region eu-west
pulumi config set --path modal.registry {registry}/trivet
pulumi config set --path modal.routingRegion eu-west
pulumi up --stack modal

# Ctrl-C here ends all of it; `pulumi destroy` first keeps Pulumi's state true."""


def main() -> None:
    """Serve, and say how to get there."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.clouds", description=__doc__)
    parser.add_argument("--lambda-port", type=int, default=8900, help="default: 8900; 0: a free one")
    parser.add_argument("--modal-port", type=int, default=8090, help="default: 8090; 0: a free one")
    parser.add_argument("--registry-port", type=int, default=8091, help="default: 8091; 0: a free one")
    args = parser.parse_args()
    _end_once()
    with contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as up:
        registry = up.enter_context(_registry(args.registry_port))
        modal = up.enter_context(_modal(args.modal_port))
        url = up.enter_context(_lambda(args.lambda_port))
        exports = "\n".join(f"export {key}={value}" for key, value in modal.environ.items())
        print(SAY.format(url=url, key=KEY, exports=exports, registry=registry), flush=True)
        up.callback(_spare_children)
        signal.pause()


def _end_once() -> None:
    """Let the first signal interrupt: somebody impatient must not keep what is here from being taken away."""
    ended: list[int] = []

    def interrupt(number: int, _: object) -> None:
        ended.append(number)
        if len(ended) == 1:
            raise KeyboardInterrupt

    for ending in ENDINGS:
        signal.signal(ending, interrupt)


def _spare_children() -> None:
    """Whoever tidies up from now on, the engine's command line, does not hear of Ctrl-C."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    print("\ntaking everything away ...", flush=True)


@contextlib.contextmanager
def _registry(port: int) -> Iterator[str]:
    store = Layout(TRIVET / "store")
    found = {f"trivet/image/{name}": store.find(f"image/{name}") for name in load_spec(Path("inference.yaml")).images}
    with serving_images(store, {name: entry for name, entry in found.items() if entry}, port=port) as host:
        yield host


@contextlib.contextmanager
def _modal(port: int) -> Iterator[FakeModal]:
    with tempfile.TemporaryDirectory() as directory, running(FakeModal(Path(directory)), port=port) as fake:
        yield fake


@contextlib.contextmanager
def _lambda(port: int) -> Iterator[str]:
    fake = FakeLambda(SystemClock())
    with (
        tempfile.TemporaryDirectory() as keys,
        lab_machines(fake.account, label=LABEL, state=Path(keys), cache=TRIVET / "cache" / "lab"),
        serving(fake.app, address=bridge(), port=port) as url,
    ):
        yield url + BASE


if __name__ == "__main__":
    main()
