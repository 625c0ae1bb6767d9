"""Fetches hash-locked wheels for the Python of an image or a host, and not for ours."""

from __future__ import annotations

import hashlib
import platform
import shutil
import sys
from pathlib import Path

from trivet.bundle.tools import run

GLIBC = 41  # Debian trixie's 2.41: wheels for it and for every older one may be taken


def fetch_wheels(requirements: Path, pip: Path, python: str, cache: Path, log: Path) -> Path:
    """The folder with the wheels of `requirements`, and pip itself as `pip.whl`; fetched once a lock.

    Args:
        requirements: hash-locked, all dependencies named.
        pip: the lock of pip itself.
        python: the image's Python, as `3.13`.
        cache: where folders of wheels are kept; of one image, none but the newest.
        log: where pip's messages go.

    Raises:
        BuildError: a wheel cannot be fetched or has another hash.
    """
    lock = hashlib.sha256(requirements.read_bytes() + pip.read_bytes() + python.encode()).hexdigest()
    folder = cache / lock[:16]
    if folder.exists():
        return folder
    partial = folder.with_suffix(".partial")  # kept after a failure: pip takes up what is there
    download_wheels(requirements, partial, python, log)
    download_wheels(pip, partial, python, log)
    (wheel,) = partial.glob("pip-*.whl")
    wheel.rename(partial / "pip.whl")
    for older in cache.iterdir():
        if older != partial:
            shutil.rmtree(older)
    return partial.rename(folder)


def download_wheels(requirements: Path, folder: Path, python: str, log: Path, *, glibc: int = GLIBC) -> None:
    """Bring the wheels of a lock into a folder.

    Args:
        requirements: hash-locked, all dependencies named, no markers.
        folder: where they go; what is there already is kept.
        python: whose wheels, as `3.13`.
        log: where pip's messages go.
        glibc: the newest minor version of glibc 2 that they may ask for.

    Raises:
        BuildError: a wheel cannot be fetched or has another hash.
    """
    machine = platform.machine()
    tags = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(glibc, 4, -1)]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    target = [f"--python-version={python}", "--implementation=cp", *tags, f"--platform=manylinux2014_{machine}"]
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            *options,
            *target,
            f"--dest={folder}",
            f"--requirement={requirements}",
        ],
        log=log,
        environ={},
    )
