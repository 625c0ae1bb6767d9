"""Looks at a host: which containers run, started as what; which configuration lies there."""

from __future__ import annotations

from trivet.drivers.bundle import supervision
from trivet.drivers.bundle.announce import is_announced
from trivet.drivers.bundle.observation import NO_UPDATE, UNFINISHED, ContainerState, Observation
from trivet.drivers.bundle.site import Site
from trivet.drivers.bundle.units import ABSENT
from trivet.drivers.engine import containers, leftovers
from trivet.drivers.engine.containers import Container
from trivet.drivers.engine.images import identity
from trivet.render import Image, Installation, paths
from trivet.render.compose import DEFINITION
from trivet.spec.digest import sha256_digest


def observe(site: Site) -> Observation | None:
    """What is there; None if nothing is: no container, network, volume, file or key.

    Raises:
        EngineError: the engine does not answer.
        HostError: the host does not.
    """
    site.docker.facts()
    observed = look(site)
    generated = [observed.keys[name] for name, given in site.installation.keys.items() if given is None]
    if observed.containers or any(key != ABSENT for key in generated) or _remains(site):
        return observed
    return None


def look(site: Site) -> Observation:
    """What is there of all that is observed, if only nothing."""
    config = site.host.read(site.path(paths.CONFIG_FILE))
    return Observation(
        containers={key: _state(container, site.installation) for key, container in ours(site).items()},
        config=ABSENT if config is None else sha256_digest(config),
        keys={name: given or site.keys.sha256(name) or ABSENT for name, given in site.installation.keys.items()},
        supervision=supervision.look(site),
        update=UNFINISHED if _is_unfinished(site) else NO_UPDATE,
    )


def ours(site: Site) -> dict[str, Container]:
    """The containers of the project, and whatever goes by the name of one, by service.

    One that is none of the services' goes by its own name: it is in the way.
    """
    project = site.installation.project
    expected = {container_name(project, service): service for service in site.installation.services}
    return {
        expected.get(container.name, container.name): container
        for container in containers.of_project(site.docker, project, also=sorted(expected))
    }


def container_name(project: str, service: str) -> str:
    """What Compose calls a service's only container."""
    return f"{project}-{service}-1"


def image_digest(engine_id: str, images: dict[str, Image]) -> str:
    """The manifest's digest of the lock for an id of the engine; the id itself if the lock knows it not."""
    return next((image.manifest for image in images.values() if identity(engine_id, image)), engine_id)


def _is_unfinished(site: Site) -> bool:
    """An update was cut off: it is still on trial, or what it told clients holds still."""
    return site.host.stat(site.path(paths.NEXT_FILE)) is not None or is_announced(site.host, site.installation.root)


def _remains(site: Site) -> bool:
    project = site.installation.project
    return site.host.stat(site.installation.root) is not None or any(
        leftovers.find(site.docker, kind, project) for kind in leftovers.KINDS
    )


def _state(container: Container, installation: Installation) -> ContainerState:
    return ContainerState(
        state=container.state,
        health=container.health,
        image=image_digest(container.image, installation.images),
        definition=container.labels.get(DEFINITION, ABSENT),
    )
