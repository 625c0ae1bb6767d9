"""A checkout that holds set-up alone, in a folder whose name every script must quote."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.unit.examples import ROOT


class Checkout:
    """`tools/setup` and `tools/language_host`, copied to below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "somebody's own checkout"
        self.state = self.root / ".trivet"
        for part in ("setup", "language_host"):
            shutil.copytree(ROOT / "tools" / part, self.root / "tools" / part)

    def run(
        self, *command: str | Path, env: Mapping[str, str] | None = None, fails: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with `env` on top of a small environment; it must succeed, or with `fails` it must not."""
        base = {"PATH": os.environ["PATH"], "HOME": str(self.root)}
        done = subprocess.run(
            command, cwd=self.root, env={**base, **(env or {})}, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done

    def script(self, text: str, *, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a step of set-up that says `text` after the library."""
        path = self.root / "tools" / "setup" / "trial.sh"
        path.write_text(f'. "$(dirname "$0")/lib.sh"\n. "$SETUP/apt.sh"\n. "$SETUP/go.sh"\n{text}\n')
        return self.run("bash", path, fails=fails)
