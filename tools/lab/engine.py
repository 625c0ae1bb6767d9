"""The local engine's command line, for the lab's own containers."""

from __future__ import annotations

import subprocess

from trivet.errors import EngineError

SECONDS = 120


def docker(*args: str) -> str:
    """Run `docker ARGS` and return its output.

    Raises:
        EngineError: it exits with an error.
    """
    done = subprocess.run(["docker", *args], capture_output=True, text=True, check=False, timeout=SECONDS)
    if done.returncode != 0:
        raise EngineError(
            where=" ".join(["docker", *args[:2]]),
            value=done.stderr.strip(),
            rule="the lab's hosts are containers of this machine's engine, with the capabilities that systemd needs",
            remedy="run `make setup`; an engine that refuses SYS_ADMIN or NET_ADMIN cannot hold a lab",
        )
    return done.stdout.strip()
