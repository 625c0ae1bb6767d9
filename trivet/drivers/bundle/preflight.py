"""Everything that can be refused, before anything is changed.

In this order, the cheap before the slow: the engine answers and is the host's own; systemd is there for a stack that it
is to supervise; Compose is there; the port is free, or our own gateway holds it; the bundle that the settings name, if
they name one, is signed and sound; the store, which is filled from it, holds what the lock pins; the disks have room;
every blob that would travel has the digest that the lock promises.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trivet.bundle.layout import Layout
from trivet.drivers import disk, listening
from trivet.drivers.bundle.observe import ours
from trivet.drivers.bundle.signed import fill_store
from trivet.drivers.bundle.site import Site
from trivet.drivers.bundle.supervision import require_capable
from trivet.drivers.engine import images
from trivet.drivers.engine.compose import Compose
from trivet.drivers.engine.containers import Container
from trivet.errors import HostError, IntegrityError
from trivet.render import Image, Installation, paths
from trivet.render.compose import GATEWAY
from trivet.spec.lock import Lock, LockedFile, LockedModel

HOLDS_ITS_PORT = frozenset({"running", "restarting", "paused"})
STARTING_SECONDS = 5.0
POLL = 0.2  # seconds


@dataclass(frozen=True)
class Ready:
    """What preflight found, so that nobody looks twice: containers by service, images to load, files to place."""

    compose: Compose
    containers: dict[str, Container]
    store: Layout
    images: dict[str, Image]
    files: list[LockedFile]
    knows_layers: bool


def preflight(site: Site) -> Ready:
    """Refuse what cannot succeed.

    Raises:
        EngineError: no engine, or no Compose.
        HostError: the port is taken, or a disk too full.
        IntegrityError: the bundle is not signed as it must be or not sound, the store lacks something, or a blob is
            not what the lock promises.
    """
    installation = site.installation
    facts = site.docker.facts()
    require_capable(site)
    compose = Compose(site.docker, installation.project)
    found = ours(site)
    _require_port(site, found.get(GATEWAY))
    if installation.bundle:
        fill_store(installation, installation.bundle, site.report)
    store = site.store()
    missing = images.missing(site.docker, installation.images)
    models = {name: _unplaced(site, model.files) for name, model in installation.models.items()}
    models = {name: files for name, files in models.items() if files}
    wanted = _references(missing, {name: installation.models[name] for name in models})
    require_locked(store, wanted)
    files = list({file.digest: file for group in models.values() for file in group}.values())
    disk.require_space(
        site.host,
        [
            # The engine keeps the archive until its layers are unpacked.
            disk.Need(facts.data, 2 * sum(image.size for image in missing.values()), "images"),
            disk.Need(installation.root, sum(file.size for file in files), "models"),
        ],
    )
    if wanted:
        site.report(f"verifying {len(missing)} images and {len(models)} models of the store")
        store.verify(*wanted)
    return Ready(
        compose=compose, containers=found, store=store, images=missing, files=files, knows_layers=facts.knows_layers
    )


def _require_port(site: Site, gateway: Container | None) -> None:
    address, port = site.installation.bind, site.installation.port
    deadline = time.monotonic() + STARTING_SECONDS
    while listening.is_taken(site.host, address, port):
        publisher = gateway if gateway and (address, port) in gateway.published else None
        if publisher and publisher.state in HOLDS_ITS_PORT:
            return
        if not publisher or time.monotonic() > deadline:
            raise HostError(
                where=f"{address}:{port}",
                value="another program listens there",
                rule="the gateway's port is free",
                remedy=f"stop it (`ss -ltnp 'sport = :{port}'` names it), or run `pulumi config set port N`",
            )
        # A run that was killed may have asked the engine to start it: then it has the port before it says that it runs.
        time.sleep(POLL)
        gateway = ours(site).get(GATEWAY)


def _unplaced(site: Site, files: tuple[LockedFile, ...]) -> list[LockedFile]:
    return [file for file in files if not site.host.is_placed(site.path(paths.model_file(file.digest)), size=file.size)]


def require_store(installation: Installation) -> None:
    """Refuse a store that a host without anything could not be installed from; its index alone is read.

    A signed bundle fills the store: where one is named, there is nothing to refuse yet.

    Raises:
        IntegrityError: it names something else than the lock, or lacks something.
    """
    if not installation.bundle:
        require_locked(Layout(Path(installation.store)), _references(installation.images, installation.models))


def verify_store(store: Layout, lock: Lock) -> None:
    """Hash every image and model of the lock, before anything is made of them.

    Raises:
        IntegrityError: the store names something else than the lock, lacks something, or a blob is not what it says.
    """
    wanted = {f"image/{name}": image.manifest for name, image in lock.images.items()}
    wanted |= {f"model/{name}": model.manifest for name, model in lock.models.items()}
    require_locked(store, wanted)
    store.verify(*wanted)


def _references(images: Mapping[str, Image], models: Mapping[str, LockedModel]) -> dict[str, str]:
    return {
        **{f"image/{name}": image.manifest for name, image in images.items()},
        **{f"model/{name}": model.manifest for name, model in models.items()},
    }


def require_locked(store: Layout, wanted: dict[str, str]) -> None:
    """Refuse a store that names something else than the lock; `wanted`: reference to digest of the manifest.

    Raises:
        IntegrityError: it does, or has nothing under a reference.
    """
    for ref, manifest in wanted.items():
        entry = store.find(ref)
        if entry is None or entry.digest != manifest:
            raise IntegrityError(
                where=f"{store.root}: {ref}",
                value=entry.digest if entry else "not there",
                rule=f"the store holds what the lock pins: {manifest}",
                remedy="run `trivet build`: it makes what is missing and writes the lock",
            )
