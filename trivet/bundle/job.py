"""One image on its way from its folder to the store."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from trivet.bundle import tools
from trivet.bundle.base import DebianBase, ImageBase, Mirrors, load_base
from trivet.bundle.buildah import Buildah
from trivet.bundle.context import stage
from trivet.bundle.debian import make_root
from trivet.bundle.images import keep_image
from trivet.bundle.layout import Layout
from trivet.bundle.wheels import fetch_wheels
from trivet.spec.digest import json_digest
from trivet.spec.lock import LockedImage

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What it takes to build one image.

    Attributes:
        name: of the image, and of its folder below `services`.
        context: digest of what it is built from.
        cache: packages and wheels, kept for the next build; the log; and while it runs, everything else.
        epoch: the one date in the image, in seconds.
        refresh: fetch Debian packages even if they are in the cache.
    """

    name: str
    context: str
    services: Path
    layout: Layout
    cache: Path
    epoch: int
    mirrors: Mirrors
    progress: Progress
    refresh: bool

    def run(self) -> LockedImage:
        """Build the image.

        Raises:
            BuildError: a step fails; the store is as it was.
        """
        started = time.monotonic()
        base = load_base(self._folder / "base.toml")
        tools.require_space(self.cache, base.free_gib)
        tools.require_tools("buildah", *(["mmdebstrap"] if isinstance(base, DebianBase) else []))
        self._log.unlink(missing_ok=True)
        self._clear()
        self._work.mkdir(parents=True)
        try:
            with ThreadPoolExecutor() as pool:
                image = pool.submit(self._base_image, base)
                wheels = pool.submit(self._wheels, base)
                self._assemble(image.result(), wheels.result())
            self._buildah.clear()  # room for the largest images
            built = keep_image(self.layout, self.name, Layout(self._work / "image"), self.context)
        finally:
            self._clear()
        self.progress(f"{self.name}: {built.size / 1e6:.0f} MB, {built.manifest} ({time.monotonic() - started:.0f} s)")
        return built

    def _base_image(self, base: DebianBase | ImageBase) -> str:
        """Name of the image that `FROM ${BASE}` stands for."""
        if isinstance(base, ImageBase):
            return base.image
        folder = self._work / "base"
        stage(self.services / "base", folder)
        os.link(self._root(base), folder / "root.tar")
        name = f"localhost/trivet/base:{self.name}"
        self._buildah.build(folder, name)
        return name

    def _root(self, base: DebianBase) -> Path:
        """The tar of the image's packages, from the cache if they were fetched for the same description."""
        prepare = self.services / "base" / "prepare"
        identity = json_digest([base.model_dump(mode="json"), prepare.read_text(encoding="utf-8"), self.epoch])
        root = self.cache / "roots" / f"{self.name}-{identity.removeprefix('sha256:')[:16]}.tar"
        if self.refresh or not root.exists():
            self.progress(f"{self.name}: packages of Debian {base.suite}")
            root.parent.mkdir(exist_ok=True)
            make_root(
                base,
                prepare=prepare,
                mirrors=self.mirrors,
                epoch=self.epoch,
                target=root,
                scratch=self._work,
                log=self._log,
            )
            for other in root.parent.glob(f"{self.name}-*"):
                if other != root:
                    other.unlink()
        return root

    def _wheels(self, base: DebianBase | ImageBase) -> Path | None:
        requirements = self._folder / "requirements.txt"
        if base.python is None or not requirements.exists():
            return None
        self.progress(f"{self.name}: wheels for Python {base.python}")
        pip = self.services / "base" / "pip.txt"
        return fetch_wheels(requirements, pip, base.python, self.cache / "wheels" / self.name, self._log)

    def _assemble(self, base: str, wheels: Path | None) -> None:
        self.progress(f"{self.name}: assembling")
        folder = self._work / "context"
        stage(self._folder, folder)
        if wheels:
            shutil.copytree(wheels, folder / "wheels", copy_function=os.link)
        self._buildah.build(folder, f"oci:{self._work / 'image'}:latest", base)

    def _clear(self) -> None:
        self._buildah.clear()
        if self._work.exists():
            shutil.rmtree(self._work)

    @property
    def _buildah(self) -> Buildah:
        return Buildah(self._work / "storage", self._log, self.epoch)

    @property
    def _folder(self) -> Path:
        return self.services / self.name

    @property
    def _work(self) -> Path:
        return self.cache / "build" / self.name

    @property
    def _log(self) -> Path:
        return self.cache / f"build-{self.name}.log"
