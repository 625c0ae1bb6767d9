"""Two builds under different conditions: path, user (as root), umask, time zone, order of files, number of cores."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from bench.bundle.command import Command
from bench.bundle.project import Project
from tests.unit.bundle.bundles import tree

NOBODY = "65534"
# Another user, who can yet read a checkout in somebody's home.
AS_NOBODY = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
)  # fmt: skip


def run(project: Project, scratch: Path, keys: Mapping[str, Path]) -> list[tuple[str, str, str]]:
    """Build twice, as directory and as tar; returns form and both digests."""
    shuffled = scratch / "elsewhere" / "with a longer name" / "project"
    _shuffled_copy(project.root, shuffled)
    secret = _for_nobody(keys, scratch / "keys-of-nobody")
    place = scratch / "of-nobody"
    place.mkdir()
    _give(place)
    one = Command(environment={"SOURCE_DATE_EPOCH": "1767225600", "TZ": "UTC"})
    two = Command(
        prefix=[
            *(AS_NOBODY if os.geteuid() == 0 else ()),
            "taskset", "-c", "0",
            "sh", "-c", 'umask 077; exec "$@"', "sh",
        ],
        environment={"SOURCE_DATE_EPOCH": "1767225600", "TZ": "Pacific/Auckland", "LANG": "C", "HOME": "/nonexistent"},
        directory=Path("/"),
    )  # fmt: skip
    found = []
    for form in ("bundle", "bundle.tar"):
        first, second = scratch / form, place / form
        one.done("create", "--project", project.root, "--out", first, *_sign(keys))
        two.done("create", "--project", shuffled, "--out", second, *_sign(secret))
        found.append((form, _digest(first), _digest(second)))
        for path in (first, second):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(scratch / "elsewhere")
    return found


def _digest(path: Path) -> str:
    if path.is_dir():
        return tree(path)
    folder = path.with_name("alone")
    folder.mkdir()
    try:
        return tree(path.rename(folder / path.name).parent)
    finally:
        (folder / path.name).rename(path)
        folder.rmdir()


def _sign(keys: Mapping[str, Path]) -> list[object]:
    return ["--key", keys["secret"], "--passphrase-file", keys["passphrase"]]


def _shuffled_copy(source: Path, target: Path) -> None:
    """The same files, written in the opposite order, readable to everybody."""
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    os.utime(target, (0, 0))


def _for_nobody(keys: Mapping[str, Path], folder: Path) -> Mapping[str, Path]:
    folder.mkdir()
    copies = {}
    for name, path in keys.items():
        copies[name] = Path(shutil.copy(path, folder))
        _give(copies[name])
    _give(folder)
    return copies


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, int(NOBODY), int(NOBODY))
