"""Runs the programs that make images, and says plainly what is missing when one fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from trivet.errors import BuildError

PACKAGES = {"buildah": "buildah", "mmdebstrap": "mmdebstrap"}
KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),
)
FULL = "no space left on device"
NOTHING = 1 << 20  # bytes free: a disk so full that even the message of it may not have fitted into the log
ERROR = re.compile(rf"^E: |\berror\b|{FULL}", re.IGNORECASE)


def require_tools(*names: str) -> None:
    """Check that programs are installed.

    Raises:
        BuildError: one is not.
    """
    missing = [PACKAGES[name] for name in names if shutil.which(name) is None]
    if missing:
        raise BuildError(
            value=f"not installed: {', '.join(missing)}",
            rule="images are built with mmdebstrap and buildah, without a container engine",
            remedy=f"run `make setup`, or `apt-get install {' '.join(missing)}` on Debian or Ubuntu",
        )


def require_space(folder: Path, gib: int) -> None:
    """Check that a disk has room.

    Raises:
        BuildError: it has not.
    """
    free = shutil.disk_usage(folder).free / 2**30
    if free < gib:
        raise BuildError(
            where=str(folder),
            value=f"{free:.1f} GiB free",
            rule=f"building needs {gib} GiB",
            remedy="free space, or put .trivet on a larger disk; nothing was changed",
        )


def keyring() -> Path:
    """Debian's archive keys, which Ubuntu packages too.

    Raises:
        BuildError: they are not installed.
    """
    for path in KEYRINGS:
        if path.exists():
            return path
    raise BuildError(
        value=f"no {KEYRINGS[0]}",
        rule="Debian packages are taken only with a signature that the archive's keys verify",
        remedy="run `make setup`, or `apt-get install debian-archive-keyring`",
    )


def run(
    argv: Sequence[str], *, log: Path, environ: Mapping[str, str], output: Path | None = None, input_text: str = ""
) -> None:
    """Run a program under umask 022, its messages to `log` and its output to `output` (else to `log` too).

    Raises:
        BuildError: it fails; its last errors are the value.
    """
    with log.open("ab") as messages, (output or log).open("wb" if output else "ab") as out:
        done = subprocess.run(
            argv,
            check=False,
            input=input_text.encode(),
            stdout=out,
            stderr=messages,
            umask=0o022,
            close_fds=False,  # what is inheritable is so on purpose: the lock of the build
            env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", **environ},
        )
    if done.returncode:
        raise _failure(argv[0], done.returncode, log)


def _failure(program: str, status: int, log: Path) -> BuildError:
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if ERROR.search(line)] or lines
    full = FULL in text.lower() or shutil.disk_usage(log.parent).free < NOTHING
    return BuildError(
        where=program,
        value=f"exit status {status}: " + " / ".join(telling[-3:])[-300:],
        rule="the disk has room for a build" if full else "each step of a build succeeds",
        remedy=(
            f"free space on the disk of {log.parent}, then build again; the store is as it was"
            if full
            else f"the whole of it is in {log}"
        ),
    )
