"""The Pulumi CLI as `trivet up` drives it: select a stack, clear a dead lock, deploy, read outputs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trivet.cli.progress import say
from trivet.errors import TrivetError


class PulumiError(TrivetError):
    """The Pulumi CLI is missing or ended with an error; its own words are on the terminal."""


class Pulumi:
    """The CLI in one project directory, for one stack."""

    def __init__(self, root: Path, stack: str) -> None:
        self.root = root
        self.stack = stack

    def run(self, *args: str) -> None:
        """Run a command with the terminal as it is.

        Raises:
            PulumiError: it exits with an error.
        """
        code = self._start([*args], capture=False).returncode
        if code != 0:
            raise PulumiError(
                value=f"pulumi {' '.join(args)}: exit code {code}",
                rule="every step of a deployment succeeds",
                remedy="read Pulumi's message above; after mending the cause, run the same command again",
            )

    def select(self) -> None:
        """Select the stack, making it on first use."""
        done = self._start(["stack", "select", "--create", self.stack], capture=True)
        if done.returncode != 0:
            raise PulumiError(
                value=done.stderr.strip(),
                rule="the stack can be selected or made",
                remedy="check PULUMI_BACKEND_URL and `. .trivet/env`",
            )

    def outputs(self) -> Mapping[str, Any]:
        """The stack's outputs."""
        done = self._start(["stack", "output", "--json", "--stack", self.stack], capture=True)
        if done.returncode != 0:
            raise PulumiError(
                value=done.stderr.strip(), rule="a deployed stack has outputs", remedy="run `pulumi up` again"
            )
        outputs: Mapping[str, Any] = json.loads(done.stdout)
        return outputs

    def export(self) -> str:
        """The stack's state, as JSON; secrets stay encrypted.

        Raises:
            PulumiError: there is no such stack.
        """
        done = self._start(["stack", "export", "--stack", self.stack], capture=True)
        if done.returncode != 0:
            raise PulumiError(
                value=done.stderr.strip(), rule="a stack has a state", remedy="name one that `pulumi stack ls` lists"
            )
        return done.stdout

    def secret(self, name: str) -> str | None:
        """A secret of the configuration, in the clear; None where it is not set."""
        done = self._start(["config", "get", name, "--stack", self.stack], capture=True)
        return done.stdout.rstrip("\n") if done.returncode == 0 else None

    def resources(self) -> Sequence[Mapping[str, Any]]:
        """What the stack's state has of each resource.

        Raises:
            PulumiError: there is no such stack.
        """
        resources: Sequence[Mapping[str, Any]] = json.loads(self.export())["deployment"].get("resources") or ()
        return resources

    def clear_dead_lock(self, backend: str) -> None:
        """Cancel the lock of an engine that was killed: left on this machine, by a process that has gone.

        Only for a `file://` backend; nobody else can tell whether a process elsewhere is alive.
        """
        if not backend.startswith("file://"):
            return
        locks = list((Path(backend.removeprefix("file://")) / ".pulumi" / "locks").glob(f"**/{self.stack}/*.json"))
        if locks and all(_holder_is_dead(lock) for lock in locks):
            say(f"an earlier run was killed and left {len(locks)} stale lock(s): cancelling them")
            self.run("cancel", "--yes", "--stack", self.stack)

    def _start(self, args: list[str], *, capture: bool) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(["pulumi", *args], cwd=self.root, capture_output=capture, text=True, check=False)
        except FileNotFoundError as exc:
            raise PulumiError(
                value="pulumi is not on PATH",
                rule="the Pulumi CLI runs the deployment",
                remedy="run `make setup`, then `. .trivet/env`",
            ) from exc


def _holder_is_dead(lock: Path) -> bool:
    holder = json.loads(lock.read_text(encoding="utf-8"))
    if holder["hostname"] != socket.gethostname():
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return not _is_pulumi(holder["pid"])


def _is_pulumi(pid: int) -> bool:
    """Pids are used again: a live process of that number may be another program."""
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "pulumi"
