"""The units of an installation as they ought to be, in the same shape as they are seen to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import ZipFile, ZipInfo

from trivet.render import Installation, paths
from trivet.render.supervision import supervision
from trivet.spec.base import Frozen
from trivet.spec.digest import json_digest, sha256_digest

ABSENT: Final = "absent"
UNIX: Final = 3  # where the archive was made, whatever made it
MODULES: Final = {
    "trivet.idle": ("__init__", "metrics"),
    "trivet.supervise": ("__init__", "canary", "effort", "engine", "record", "vigil", "watch"),
}


class UnitState(Frozen):
    """A unit of systemd: digest of its file, files that override parts of it, systemd's words for the rest."""

    file: str
    overrides: list[str]
    enabled: str
    state: str


class Supervised(Frozen):
    """The units that look after the stack, by name, and the digest of what they run."""

    units: dict[str, UnitState]
    program: str


@dataclass(frozen=True)
class Wanted:
    """`units`: contents by name; `files`: contents of what they read and run, by path below the root."""

    units: dict[str, bytes]
    files: dict[str, bytes]


def wanted_of(installation: Installation) -> Wanted | None:
    """What supervises it; None where nothing is to."""
    if not installation.supervised:
        return None
    # A relative root is this machine's; a host over SSH has an absolute one.
    rendered = supervision(installation, str(Path(installation.root).absolute()))
    texts = {path: text.encode() for path, text in rendered.files.items()}
    return Wanted(
        units={name: text.encode() for name, text in rendered.units.items()},
        files={**texts, paths.WATCHDOG_FILE: _program()},
    )


def promised(installation: Installation) -> Supervised:
    """What `look` finds when all is well."""
    wanted = wanted_of(installation)
    if wanted is None:
        return Supervised(units={}, program=ABSENT)
    units = {
        name: UnitState(file=sha256_digest(data), overrides=[], enabled="enabled", state="active")
        for name, data in wanted.units.items()
    }
    return Supervised(units=units, program=program_digest(digests_of(wanted)))


def digests_of(wanted: Wanted) -> dict[str, str]:
    """The digest of each file that the units read, by its path."""
    return {path: sha256_digest(data) for path, data in wanted.files.items()}


def program_digest(digests: Mapping[str, str]) -> str:
    """One digest of all of them; of none, ABSENT."""
    return json_digest(dict(digests)) if digests else ABSENT


@cache
def _program() -> bytes:
    """The watchdog as it lies in this package, in one file that Python runs: the same sources give the same bytes."""
    modules = {"trivet/__init__.py": b""}
    for package, names in MODULES.items():
        directory = package.replace(".", "/")
        modules |= {f"{directory}/{name}.py": (files(package) / f"{name}.py").read_bytes() for name in names}
    archive = BytesIO()
    with ZipFile(archive, "w") as writer:
        for path, data in sorted(modules.items()):
            entry = ZipInfo(path)  # dated 1980, whenever this is
            entry.create_system = UNIX
            entry.external_attr = 0o100644 << 16
            writer.writestr(entry, data)
    return archive.getvalue()
