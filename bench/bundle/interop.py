"""Other programs read what we wrote."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten


def run(bundle: Path, keys: Mapping[str, Path]) -> list[tuple[str, str]]:
    """Ask each program that is installed; returns its command and what it said, or that it is not here."""
    signature = next(bundle.glob("index.json.*.minisig"))
    asked: list[list[str | Path]] = [
        ["minisign", "-Vm", bundle / "index.json", "-x", signature, "-p", keys["public"]],
        ["skopeo", "inspect", "--format", "{{.Digest}}", f"oci:{bundle}:image/llama"],
        ["oras", "manifest", "fetch", "--oci-layout", f"{bundle}:model/trivet-small", "--descriptor"],
    ]
    found = []
    for argv in asked:
        name = " ".join(Path(each).name if isinstance(each, Path) else each for each in argv)
        if shutil.which(str(argv[0])) is None:
            found.append((name, "not installed"))
            continue
        done = subprocess.run([str(each) for each in argv], capture_output=True, text=True, check=False)
        said = (done.stdout or done.stderr).strip().splitlines()
        found.append((name, f"exit {done.returncode}: {shorten(said[0], 60) if said else ''}"))
    return found
