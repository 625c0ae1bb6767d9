"""Takes an installation away again. Whatever is gone already is no error."""

from __future__ import annotations

from trivet.drivers.bundle import ledger, supervision
from trivet.drivers.bundle.observe import ours
from trivet.drivers.bundle.site import Site
from trivet.drivers.engine import containers, leftovers
from trivet.render.compose import GATEWAY

STOP_SECONDS = 35


def remove(site: Site) -> None:
    """Remove units, containers, networks, volumes (unless retained), images that nobody else uses, files and keys.

    Raises:
        EngineError: the engine does not answer or refuses.
        HostError: a file cannot be removed.
    """
    with site.locked():
        docker, project = site.docker, site.installation.project
        docker.facts()
        found = ours(site)
        supervision.remove(site)  # else it would start them again
        site.report(f"stopping {len(found)} containers")
        # The gateway first: it answers what it has taken while the models are still there.
        gateway = [container.id for service, container in found.items() if service == GATEWAY]
        others = [container.id for service, container in found.items() if service != GATEWAY]
        for group in (gateway, others):
            containers.stop(docker, group, seconds=STOP_SECONDS)
            containers.remove(docker, group)
        leftovers.remove(docker, "network", project)
        if not site.installation.retain:
            leftovers.remove(docker, "volume", project)
        ledger.note(site, (image.reference for image in site.installation.images.values()))
        ledger.drop(site, keep=())
        site.host.remove(site.installation.root)
    if site.keys.let_go() or not site.installation.shares_keys:
        for name, given in site.installation.keys.items():
            if given is None:
                site.keys.remove(name)
