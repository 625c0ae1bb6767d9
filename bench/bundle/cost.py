"""Create, verify and install beside the limits of the machine, in turns, so that all see the same weather."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.bundle import limits
from bench.bundle.command import Command, Ran
from bench.bundle.project import Project

GIB = 1 << 30
SHARE = 0.8
RESIDENT_KIB = 256 << 10
EXTRA = 1.05


@dataclass
class Cost:
    """Bytes a second, by what did it; memory and disk of ours."""

    size: int = 0
    rates: dict[str, list[float]] = field(default_factory=dict)
    resident_kib: dict[str, int] = field(default_factory=dict)
    disk: dict[str, float] = field(default_factory=dict)

    def rate(self, what: str) -> float:
        """The best of the turns: what it can do when nothing else runs."""
        return max(self.rates[what])

    def add(self, what: str, rate: float) -> None:
        """One more measurement."""
        self.rates.setdefault(what, []).append(rate)

    def limit(self, verb: str) -> tuple[str, float]:
        """What bounds a verb, and at how many bytes a second."""
        bounds = ["openssl × cores"] if verb == "verify" else ["openssl × cores", "cp + sync"]
        bound = min(bounds, key=self.rate)
        return bound, self.rate(bound)


def measure(project: Project, scratch: Path, keys: Mapping[str, Path], rounds: int) -> Cost:
    """Measure in turns; everything is in the page cache, so that the disk's reading does not hide the rest."""
    cost = Cost()
    command = Command()
    bundle, store = scratch / "made" / "bundle", scratch / "store"
    sign = ["--key", keys["secret"], "--passphrase-file", keys["passphrase"]]
    for _ in range(rounds):
        for verb, ran in _ours(command, project, bundle, store, sign, keys["public"]):
            cost.size = max(cost.size, int(ran.answer["bytes" if verb != "install" else "copied"]))
            cost.add(verb, cost.size / ran.seconds)
            cost.resident_kib[verb] = max(cost.resident_kib.get(verb, 0), ran.resident_kib)
            cost.disk[verb] = max(cost.disk.get(verb, 0), ran.largest / cost.size)
        files = blobs(bundle)
        cost.add("openssl × cores", limits.openssl(files))
        cost.add("cat × cores", limits.read_all(files))
        plain, synced = limits.cp(bundle, scratch / "copy")
        cost.add("cp", plain)
        cost.add("cp + sync", synced)
        shutil.rmtree(bundle)
    cost.add("openssl speed", limits.openssl_speed())
    return cost


def blobs(bundle: Path) -> list[Path]:
    """The files of a bundle's blobs."""
    return sorted((bundle / "blobs" / "sha256").iterdir())


def _ours(
    command: Command, project: Project, bundle: Path, store: Path, sign: list[object], public: Path
) -> Iterator[tuple[str, Ran]]:
    yield "create", command.done("create", "--project", project.root, "--out", bundle, *sign, watch=bundle.parent)
    limits.read_all(blobs(bundle))  # `create` writes past the page cache
    yield "verify", command.done("verify", bundle, "--key", public)
    yield "install", command.done("install", bundle, "--store", store, "--key", public, watch=store)
    shutil.rmtree(store)
