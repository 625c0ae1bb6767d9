"""An operator with a store and keys, before a Modal on the wire whose containers answer as the gateway would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aiohttp import web
from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import Account, Image
from tests.fakes.modal.fleet import Container, StartError
from tests.fakes.modal.server import FakeModal
from tests.unit.bundle.bundles import seed
from tests.unit.examples import modal_settings, spec_with
from tests.unit.render.cases import lock_for
from trivet.drivers.modal import ModalSite
from trivet.drivers.modal.account import Account as RealAccount
from trivet.render.modal import ModalApp, modal_app
from trivet.spec import Lock, StackSpec

WEIGHTS = b"weights" * 100_000  # large enough to be an upload of its own


class Answering:
    """A runner whose containers answer with the identity that their configuration says. `broken`: none comes up."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._servers: dict[str, web.AppRunner] = {}
        self.broken = False

    async def build(self, image: Image) -> None:
        image.reference = "built"

    async def start(self, function: pb.Function) -> Container:
        if self.broken:
            raise StartError("no port opened")
        variables = {k: v for s in function.secret_ids for k, v in self._account.secrets[s].variables.items()}
        path = json.loads(variables["TRIVET_NODE"])["gateway"]["argv"][-1]
        mount = next(each for each in function.volume_mounts if path.startswith(each.mount_path))
        file = self._account.volumes[mount.volume_id].root / Path(path).relative_to(mount.mount_path)
        identity = json.loads(file.read_bytes())["identity"]

        async def answer(_: web.Request) -> web.Response:
            return web.json_response(identity)

        app = web.Application()
        app.router.add_get("/v1/identity", answer)
        server = web.AppRunner(app)
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", 0).start()
        container = Container(f"c{len(self._servers)}", f"http://127.0.0.1:{server.addresses[0][1]}")
        self._servers[container.name] = server
        return container

    async def stop(self, container: Container) -> None:
        await self._servers.pop(container.name).cleanup()

    async def close(self) -> None:
        assert not self._servers


class Place:
    """The fake, the operator's store and keys, and sites to work on."""

    def __init__(self, fake: FakeModal, runner: Answering, root: Path) -> None:
        self.fake = fake
        self.runner = runner
        self.root = root
        self.spec = spec_with({})
        self.lock = seeded(self.spec, root / "store")
        self.account = RealAccount()
        self.reports: list[str] = []

    def app(self, spec: StackSpec | None = None, **modal: Any) -> ModalApp:
        app = modal_app(spec or self.spec, self.lock, modal_settings(**modal), stack="unit")
        places = {"store": str(self.root / "store"), "key_directory": str(self.root / "keys"), "start_seconds": 5}
        return app.model_copy(update=places)

    def site(self, app: ModalApp | None = None) -> ModalSite:
        return ModalSite(app or self.app(), self.account, self.reports.append)

    @property
    def calls(self) -> list[str]:
        return self.fake.servicer.calls


def seeded(spec: StackSpec, root: Path) -> Lock:
    """A store with a little model for each of the spec's, and the lock that fits."""
    files = {model.name: {f"{model.name}.gguf": WEIGHTS + model.name.encode()} for model in spec.models}
    models = seed(root, models=files).contents.lock.models
    return lock_for(spec).model_copy(update={"models": models})
