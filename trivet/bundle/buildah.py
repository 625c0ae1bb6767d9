"""Builds Containerfiles with buildah, in a storage of its own, so that nothing outside its folder changes."""

from __future__ import annotations

import os
import resource
import shutil
from dataclasses import dataclass
from pathlib import Path

from trivet.bundle import tools

ENOUGH = 4096  # open files, and processes, of a step of a build


@dataclass(frozen=True)
class Buildah:
    """buildah with its storage in `folder`; vfs because it works everywhere, containers included."""

    folder: Path
    log: Path
    epoch: int

    def build(self, context: Path, target: str, base: str = "") -> None:
        """Build the Containerfile of `context` and name the image `target`.

        Raises:
            BuildError: a step fails.
        """
        arguments = [f"--build-arg=BASE={base}"] if base else []
        self._run(
            "bud",
            "--isolation=chroot",
            "--format=oci",
            f"--timestamp={self.epoch}",
            "--identity-label=false",
            "--omit-history",  # it names paths of this machine
            "--disable-compression",
            f"--pull={str('@' in base).lower()}",
            *arguments,
            *_limits(),
            f"--tag={target}",
            str(context),
        )

    def clear(self) -> None:
        """Remove the storage, whoever owns its files: without root, they belong to subordinate users."""
        if os.geteuid() != 0 and self.folder.exists():
            tools.run(["buildah", "unshare", "rm", "-rf", str(self.folder)], log=self.log, environ={})
        elif self.folder.exists():
            shutil.rmtree(self.folder)

    def _run(self, *argv: str) -> None:
        storage = [f"--root={self.folder / 'root'}", f"--runroot={self.folder / 'run'}", "--storage-driver=vfs"]
        tools.run(["buildah", *storage, *argv], log=self.log, environ={"TMPDIR": str(self.folder.parent)})


def _limits() -> list[str]:
    """Limits under this process's own: each buildah has other defaults, and raising one needs CAP_SYS_RESOURCE."""
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    hard = {name: resource.getrlimit(number)[1] for name, number in limits.items()}
    low = {name: ENOUGH if limit == resource.RLIM_INFINITY else min(limit, ENOUGH) for name, limit in hard.items()}
    return [f"--ulimit={name}={limit}:{limit}" for name, limit in low.items()]
