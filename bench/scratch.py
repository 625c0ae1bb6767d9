"""A folder below .trivet that lives as long as one run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """An empty `.trivet/bench-<name>`, removed afterwards. What a killed run has left there goes first."""
    folder = ROOT / ".trivet" / f"bench-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
