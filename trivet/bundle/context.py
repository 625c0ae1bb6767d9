"""What an image is built from: the files of its folder, their digest, and a copy that is the same on any machine."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from trivet.errors import BuildError
from trivet.spec.digest import json_digest

RECIPE = 1  # raise it when a change of this package makes other images of the same files


def context_digest(services: Path, name: str, epoch: int) -> str:
    """Digest of all that decides what the image `name` is, but for the packages that its suite holds today.

    Raises:
        BuildError: the image has no folder.
    """
    return json_digest({"recipe": RECIPE, "epoch": epoch, **{part: _table(services / part) for part in ("base", name)}})


def stage(folder: Path, target: Path) -> None:
    """Copy an image's files to `target` with modes that do not depend on the umask of whoever checked them out."""
    target.mkdir(parents=True)
    target.chmod(0o755)
    for path in files(folder):
        copy = target / path.relative_to(folder)
        for parent in reversed(copy.relative_to(target).parents[:-1]):
            (target / parent).mkdir(exist_ok=True)
            (target / parent).chmod(0o755)
        shutil.copyfile(path, copy)
        copy.chmod(_mode(path))


def files(folder: Path) -> Iterator[Path]:
    """The files of an image's folder that count, sorted: no hidden file, no bytecode.

    Raises:
        BuildError: the folder is missing, or holds a symbolic link.
    """
    if not folder.is_dir():
        raise BuildError(
            value=str(folder), rule="each image has a folder of its name", remedy="see docs/how-to/images.md"
        )
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(folder).parts):
            continue
        if path.is_symlink():
            raise BuildError(
                value=str(path), rule="a build context has files of its own", remedy="replace the link by the file"
            )
        if path.is_file():
            yield path


def _table(folder: Path) -> dict[str, list[str]]:
    return {
        path.relative_to(folder).as_posix(): [oct(_mode(path)), hashlib.sha256(path.read_bytes()).hexdigest()]
        for path in files(folder)
    }


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & 0o100 else 0o644
