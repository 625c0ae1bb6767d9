"""A small checkout with the repository's own build settings, and tools that are scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.unit.examples import ROOT
from trivet.bundle.host.gather import PROGRAMS
from trivet.bundle.host.own_wheel import FILES, FOLDERS


def checkout(root: Path) -> Path:
    """Make it at `root`."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
        (root / folder / "__init__.py").write_text('"""A package."""\n\n__version__ = "1.0"\n')
    (root / "trivet" / "bundle").mkdir()
    (root / "trivet" / "bundle" / "__init__.py").write_text("")
    (root / "trivet" / "bundle" / "install.sh").write_text("#!/bin/sh\n")
    for name in FILES:
        shutil.copy(ROOT / name, root)
    (root / ".trivet" / "bin").mkdir(parents=True)
    for name in PROGRAMS:
        (root / ".trivet" / "bin" / name).write_text(f"#!/bin/sh\necho {name}\n")
    return root
