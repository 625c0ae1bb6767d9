"""Which images were brought to a host for an installation: written down there first, so that none is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable

from trivet.drivers.bundle.site import Site
from trivet.drivers.engine import images
from trivet.render import paths


def note(site: Site, references: Iterable[str]) -> None:
    """Add images."""
    _write(site, {*_read(site), *references})


def drop(site: Site, *, keep: Iterable[str]) -> None:
    """Remove all images but those; one that a container uses stays, and stays noted."""
    kept = set(keep)
    left = {reference for reference in _read(site) - kept if not images.remove(site.docker, reference)}
    _write(site, kept | left)


def _read(site: Site) -> set[str]:
    return set(json.loads(site.host.read(site.path(paths.IMAGES_FILE)) or b"[]"))


def _write(site: Site, references: set[str]) -> None:
    site.host.write(site.path(paths.IMAGES_FILE), json.dumps(sorted(references)).encode())
