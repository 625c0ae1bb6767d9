"""SIGKILL at random moments of create and of install: the next run ends as if undisturbed, and writes nothing twice."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.bundle.command import Command
from bench.bundle.project import Project
from tests.unit.bundle.bundles import tree


@dataclass(frozen=True)
class Kill:
    """One process that was killed, and what the next one did.

    Attributes:
        after: seconds it lived.
        there: bytes of blobs that it left.
        rewritten: bytes that the next run copied although they were there.
        converged: whether the result is byte for byte the undisturbed one.
    """

    after: float
    there: int
    rewritten: int
    converged: bool


def run(
    project: Project, scratch: Path, keys: Mapping[str, Path], count: int, rng: random.Random
) -> dict[str, list[Kill]]:
    """Kill both verbs `count` times each."""
    sign = ["--key", keys["secret"], "--passphrase-file", keys["passphrase"]]
    clean, store = scratch / "clean", scratch / "clean-store"
    command = Command()
    made = command.done("create", "--project", project.root, "--out", clean, *sign)
    installed = command.done("install", clean, "--store", store, "--key", keys["public"])
    out, into = scratch / "out", scratch / "into"
    size = int(made.answer["bytes"])

    def create(target: Path) -> Sequence[object]:
        return ["create", "--project", project.root, "--out", target, *sign]

    def install(target: Path) -> Sequence[object]:
        return ["install", clean, "--store", target, "--key", keys["public"]]

    def same(one: Path, two: Path) -> bool:
        return (
            tree(one / "blobs") == tree(two / "blobs")
            and (one / "index.json").read_bytes() == (two / "index.json").read_bytes()
        )

    found = {
        "create": [
            _one(command, create, out, made.seconds, size, rng, lambda: tree(out) == tree(clean)) for _ in range(count)
        ],
        "install": [
            _one(command, install, into, installed.seconds, size, rng, lambda: same(into, store)) for _ in range(count)
        ],
    }
    shutil.rmtree(clean)
    shutil.rmtree(store)
    return found


def _one(
    command: Command,
    argv: Callable[[Path], Sequence[object]],
    target: Path,
    seconds: float,
    size: int,
    rng: random.Random,
    same: Callable[[], bool],
) -> Kill:
    drafts = target.with_name(f"{target.name}.incoming")
    for path in (target, drafts):
        shutil.rmtree(path, ignore_errors=True)
    # Half a second is the interpreter's: nothing is written then. The rest of a run is hit evenly.
    after = 0.4 + rng.random() * max(0.1, seconds - 0.4)
    process = command.start(*argv(target))
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    there = _blob_bytes(target) + _blob_bytes(drafts)
    again = command.done(*argv(target))
    copied = int(again.answer["copied"])
    return Kill(after, there, max(0, copied - (size - there)), same() and not drafts.exists())


def _blob_bytes(root: Path) -> int:
    """Bytes of what is, or is to become, a blob."""
    return sum(
        path.stat().st_size
        for path in root.rglob("*")
        if path.is_file() and path.parent.name in {"sha256", ".incoming"}
    )
