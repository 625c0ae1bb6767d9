"""The bundle's Debian packages on a host, as a source of apt's own: no mirror is asked for what the roles install.

Each package is verified on the host against the digest that the lock's manifest names, before apt is told of it; apt
holds it against the same digest once more.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final

from trivet.bundle.deb import read_control
from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor
from trivet.bundle.trust import TITLE
from trivet.drivers.host import Host, Report
from trivet.errors import HostError
from trivet.render.ansible import PACKAGES

DIRECTORY: Final = PurePosixPath(PACKAGES)
SOURCES: Final = f"deb [trusted=yes] file:{DIRECTORY} ./\n"  # trusted: its index was written by us, just before


def lay_out(host: Host, store: Layout, manifests: Mapping[str, str], report: Report) -> None:
    """Have the packages of the host's release there, and nothing else.

    Args:
        host: which.
        store: what has them.
        manifests: digest of the artifact by Debian release.
        report: hears of each package that is copied.

    Raises:
        HostError: the host runs another release, or a package does not arrive as it should.
        IntegrityError: the store does not have them.
    """
    manifest = store.manifest(store.entry(_manifest_of(host, manifests)))
    packages = {layer.annotations[TITLE]: layer for layer in manifest.layers}
    kept = {*packages, "Packages", "sources.list"}
    for name in host.listdir(str(DIRECTORY)):
        if name not in kept:
            host.remove(str(DIRECTORY / name))
    stanzas = []
    for at, (name, blob) in enumerate(sorted(packages.items()), start=1):
        if host.put(store.path(blob), str(DIRECTORY / name), digest=blob.digest, size=blob.size):
            report(f"package {at} of {len(packages)}: {name}")
        stanzas.append(_stanza(store, name, blob))
    host.write(str(DIRECTORY / "Packages"), "\n".join(stanzas).encode())
    host.write(str(DIRECTORY / "sources.list"), SOURCES.encode())


def _manifest_of(host: Host, manifests: Mapping[str, str]) -> str:
    release = _release(host.read("/etc/os-release") or b"")
    if release not in manifests:
        raise HostError(
            where="/etc/os-release",
            value=release or "no VERSION_CODENAME",
            rule=f"the lock has packages for the host's release: {', '.join(sorted(manifests))}",
            remedy=f"run `trivet build --host {release}`, or set workstation.packages to mirror",
        )
    return manifests[release]


def _release(text: bytes) -> str:
    """The release's name, as os-release(5) spells it."""
    for line in text.decode(errors="replace").splitlines():
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return "".join(shlex.split(value))
    return ""


def _stanza(store: Layout, name: str, blob: Descriptor) -> str:
    """What an index of packages says of one."""
    control = read_control(store.path(blob))
    if control is None:
        raise HostError(
            where=name,
            value="no control file",
            rule="what the lock names as a Debian package is one",
            remedy="run `trivet build --host SUITE --refresh`",
        )
    digest = blob.digest.removeprefix("sha256:")
    return f"{control.strip()}\nFilename: ./{name}\nSize: {blob.size}\nSHA256: {digest}\n"
