"""`install.sh`: what stands at the root of a bundle for bare hosts, signed like its index and named in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Final

from trivet.bundle.oci import Manifest
from trivet.bundle.trust import TITLE

_TABLE: Final = "@SIGNATURE_PACKAGES@"
_PREFIX: Final = "debian/"
_GROUP: Final = "-signature"


def render_installer(manifests: Mapping[str, Manifest]) -> bytes:
    """The script for a bundle.

    Args:
        manifests: those of the bundle's artifacts, by name. The packages of `debian/<suite>-signature` verify its
            signature on hosts that cannot: the script names them by digest, for it has to trust them before the index.
    """
    lines = [line for name, manifest in sorted(manifests.items()) for line in _lines(name, manifest)]
    template = files("trivet.bundle").joinpath("install.sh").read_text(encoding="utf-8")
    return template.replace(_TABLE, "\n".join(lines)).encode()


def _lines(name: str, manifest: Manifest) -> Iterable[str]:
    if not (name.startswith(_PREFIX) and name.endswith(_GROUP)):
        return
    suite = name.removeprefix(_PREFIX).removesuffix(_GROUP)
    for layer in manifest.layers:
        yield f"{suite} {layer.digest.removeprefix('sha256:')} {layer.annotations[TITLE]}"
