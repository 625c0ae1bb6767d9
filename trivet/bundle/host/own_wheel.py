"""Trivet's own wheel: the same sources give the same bytes, whatever the checkout's path, modes and dates."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Final

from trivet.bundle import tools
from trivet.bundle.context import files, stage
from trivet.bundle.draft import remove
from trivet.errors import BuildError
from trivet.spec.digest import json_digest

FOLDERS: Final = ("trivet", "services/gateway/trivet_gateway")
FILES: Final = ("pyproject.toml", "README.md", "LICENSE")


def wheel_inputs(root: Path, epoch: int) -> str:
    """Digest of all that decides what the wheel is.

    Raises:
        BuildError: `root` is no checkout.
    """
    paths = [root / name for name in FILES] + [path for folder in FOLDERS for path in files(root / folder)]
    return json_digest([epoch, {path.relative_to(root).as_posix(): _digest(path) for path in paths}])


def build_wheel(root: Path, epoch: int, folder: Path, log: Path) -> dict[str, Path]:
    """Build the wheel of the checkout at `root` in `folder`; return it by its name.

    Raises:
        BuildError: it cannot be built.
    """
    remove(folder)
    for name in FOLDERS:
        stage(root / name, folder / "source" / name)
    for name in FILES:
        shutil.copyfile(root / name, folder / "source" / name)
        (folder / "source" / name).chmod(0o644)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--no-build-isolation"]
    tools.run(
        [sys.executable, "-m", "pip", "wheel", *options, f"--wheel-dir={folder}", str(folder / "source")],
        log=log,
        environ={"SOURCE_DATE_EPOCH": str(epoch)},
    )
    (wheel,) = folder.glob("*.whl")
    return {wheel.name: wheel}


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as exc:
        raise BuildError(
            value=str(path),
            rule="what a bare host needs is gathered in a checkout of the project",
            remedy="run it there, or keep the lock that came with the bundle",
        ) from exc
