"""Gathers into the store what a bundle brings to bare hosts; what is there already is left alone."""

from __future__ import annotations

import contextlib
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from trivet.bundle.artifacts import keep_artifact, locked_artifact
from trivet.bundle.base import Mirrors
from trivet.bundle.draft import remove
from trivet.bundle.files import DEBIAN, TOOLS, WHEELS, Kind
from trivet.bundle.hashing import file_digest
from trivet.bundle.host.own_wheel import build_wheel, wheel_inputs
from trivet.bundle.host.packages import fetch_packages
from trivet.bundle.host.requirements import requirements_for
from trivet.bundle.host.suite import Group, Suite, load_suite
from trivet.bundle.job import Progress
from trivet.bundle.layout import Layout
from trivet.bundle.wheels import download_wheels
from trivet.errors import BuildError, IntegrityError
from trivet.spec import Lock, LockedArtifact
from trivet.spec.digest import json_digest

PROGRAMS: Final = ("docker-compose", "pulumi", "pulumi-language-python")
OPTIONAL: Final = ("pulumi-language-python-exec",)  # the official language host's
OWN: Final = "wheels/trivet"
MACHINE: Final = platform.machine()


@dataclass(frozen=True)
class Part:
    """An artifact that is yet to be gathered.

    Attributes:
        name: in the store's index and in the lock.
        kind: what its files are.
        inputs: digest of what decides which files they are.
        gather: finds or makes them; their places by the paths that they travel under.
    """

    name: str
    kind: Kind
    inputs: str
    gather: Callable[[], Mapping[str, Path]]


@dataclass(frozen=True)
class Workshop:
    """Where parts are gathered: the checkout, a cache, Debian's mirrors, the one date."""

    root: Path
    cache: Path
    mirrors: Mirrors
    epoch: int

    @property
    def log(self) -> Path:
        """Every tool's messages."""
        return self.cache / "host.log"

    def parts(self, names: Iterable[str]) -> Iterator[Part]:
        """What hosts of these suites need.

        Raises:
            BuildError: a suite is not described, or this is no checkout.
        """
        yield Part(OWN, WHEELS, wheel_inputs(self.root, self.epoch), self._own_wheel)
        yield Part(f"tools/linux-{MACHINE.replace('_', '-')}", TOOLS, self._tool_inputs(), self._tools)
        for suite in (load_suite(self.root / "tools" / "host", name) for name in names):
            yield Part(f"wheels/{suite.suite}", WHEELS, self._wheel_inputs(suite), partial(self._wheels, suite))
            for group in suite.packages:
                yield Part(
                    f"debian/{suite.suite}-{group}",
                    DEBIAN,
                    _package_inputs(suite),
                    partial(self._packages, suite, group),
                )

    def _own_wheel(self) -> Mapping[str, Path]:
        return build_wheel(self.root, self.epoch, self.cache / "trivet", self.log)

    def _tools(self) -> Mapping[str, Path]:
        folder = self.root / ".trivet" / "bin"
        return {name: folder / name for name in (*PROGRAMS, *OPTIONAL) if (folder / name).is_file()}

    def _tool_inputs(self) -> str:
        found = self._tools()
        if missing := [name for name in PROGRAMS if name not in found]:
            raise BuildError(
                where=str(self.root / ".trivet" / "bin"),
                value=f"not there: {', '.join(missing)}",
                rule="a bundle for bare hosts brings the Pulumi CLI, its language host and Docker Compose",
                remedy="run `TRIVET_OWN_TOOLS=1 make setup`: it fetches or builds them, whatever this machine has",
            )
        return json_digest({name: file_digest(path) for name, path in found.items()})

    def _wheel_inputs(self, suite: Suite) -> str:
        return json_digest([suite.python, suite.glibc, MACHINE, self._requirements(suite)])

    def _requirements(self, suite: Suite) -> str:
        path = self.root / "requirements" / "runtime.txt"
        return requirements_for(path.read_text(encoding="utf-8"), suite.python, str(path))

    def _wheels(self, suite: Suite) -> Mapping[str, Path]:
        folder = self.cache / _short(suite.tag, self._wheel_inputs(suite))
        if not folder.exists():
            draft = folder.with_suffix(".partial")  # kept after a failure: pip takes up what is there
            draft.mkdir(parents=True, exist_ok=True)
            lock = self.cache / f"{suite.tag}.txt"
            lock.write_text(self._requirements(suite), encoding="utf-8")
            download_wheels(lock, draft, suite.python, self.log, glibc=int(suite.glibc.partition(".")[2]))
            draft.rename(folder)
        return {path.name: path for path in sorted(folder.glob("*.whl"))}

    def _packages(self, suite: Suite, group: Group) -> Mapping[str, Path]:
        folder = self.cache / _short(suite.suite, _package_inputs(suite))
        return fetch_packages(suite, self.mirrors, folder, self.log)[group]


def gather_host(
    workshop: Workshop, suites: Iterable[str], layout: Layout, progress: Progress, *, refresh: bool = False
) -> dict[str, LockedArtifact]:
    """Gather what hosts of these suites need.

    Args:
        workshop: where.
        suites: names of Debian releases, each described in `tools/host`.
        layout: the store that it goes into.
        progress: hears what is being done.
        refresh: take Debian's packages of today, even where there are some.

    Raises:
        BuildError: something cannot be had; the parts before it are in the store.
    """
    wanted = list(workshop.parts(sorted(set(suites))))
    workshop.cache.mkdir(parents=True, exist_ok=True)
    workshop.log.unlink(missing_ok=True)
    if refresh:
        for part in wanted:
            if part.kind is DEBIAN:
                remove(workshop.cache / _short(part.name.partition("/")[2].partition("-")[0], part.inputs))
    gathered = {}
    for part in wanted:
        locked = None if refresh and part.kind is DEBIAN else _present(layout, part)
        if locked is None:
            progress(f"{part.name}: gathering")
            locked = keep_artifact(layout, part.name, part.kind, part.gather(), part.inputs)
            progress(f"{part.name}: {locked.size / 1e6:.0f} MB, {locked.manifest}")
        gathered[part.name] = locked
    shutil.rmtree(workshop.cache / "trivet", ignore_errors=True)
    return gathered


def outdated(workshop: Workshop, lock: Lock) -> list[str]:
    """The lock's artifacts that this checkout would make differently."""
    if not lock.artifacts:
        return []
    suites = [name.removeprefix("wheels/") for name in lock.artifacts if name.startswith("wheels/") and name != OWN]
    locked = {name: artifact.inputs for name, artifact in lock.artifacts.items()}
    return [part.name for part in workshop.parts(suites) if locked.get(part.name, part.inputs) != part.inputs]


def _present(layout: Layout, part: Part) -> LockedArtifact | None:
    with contextlib.suppress(IntegrityError):  # damaged: it is gathered again
        locked = locked_artifact(layout, part.name)
        if locked and locked.inputs == part.inputs:
            return locked
    return None


def _package_inputs(suite: Suite) -> str:
    return json_digest([suite.suite, MACHINE, {group: list(names) for group, names in suite.packages.items()}])


def _short(name: str, digest: str) -> str:
    return f"{name}-{digest.removeprefix('sha256:')[:16]}"
