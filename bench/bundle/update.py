"""An update: one value of the configuration and one layer change beside a large model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.bundle.command import Command
from bench.bundle.project import MIB, make_project
from tests.unit.bundle.bundles import tree

LAYER = 8 * MIB


@dataclass(frozen=True)
class Update:
    """What an update came to, in bytes."""

    full: int
    changed: int
    delta: int
    same: bool


def run(scratch: Path, keys: Mapping[str, Path], model: int) -> Update:
    """Make a base, change it, make the update, and put both together again."""
    command = Command()
    sign = ["--key", keys["secret"], "--passphrase-file", keys["passphrase"]]
    images = {"llama": [64 * MIB, LAYER]}
    project = make_project(scratch / "project", images, {"trivet-small": [model]})
    command.done("create", "--project", project.root, "--out", scratch / "base", *sign)
    make_project(project.root, images, {"trivet-small": [model]}, seeds={"llama": "llama 2"})
    text = (project.root / "inference.yaml").read_text(encoding="utf-8")
    (project.root / "inference.yaml").write_text(text.replace("pids: 256", "pids: 257"), encoding="utf-8")
    command.done("create", "--project", project.root, "--out", scratch / "delta", "--since", scratch / "base", *sign)
    full = command.done("create", "--project", project.root, "--out", scratch / "full", *sign)
    command.done("join", scratch / "base", scratch / "delta", "--out", scratch / "joined", "--key", keys["public"])
    size = sum(path.stat().st_size for path in (scratch / "delta").rglob("*") if path.is_file())
    found = Update(
        full=int(full.answer["bytes"]),
        changed=LAYER + len(text),
        delta=size,
        same=tree(scratch / "joined") == tree(scratch / "full"),
    )
    shutil.rmtree(scratch)
    return found
