"""What a play has looked at, so that one look tells whether a second play would find anything else.

A play of the roles in check mode takes seconds a role, for every task goes to the host. But it follows from three
things: the variables, the roles, and what its tasks find there: the files that they would write, and the output of the
commands by which they look. A play that finds nothing to change names all of these; a digest of them, made on the host
in one go, stays the same for as long as such a play would have nothing to change.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from trivet.drivers.host import Host
from trivet.errors import HostError

SECONDS: Final = 120.0
SYSTEM: Final = "/etc/os-release"
LOOK: Final = """
import hashlib, json, os, stat, subprocess, sys
seen = hashlib.sha256()
def see(*what):
    seen.update(json.dumps(what).encode())
looked = json.load(sys.stdin)
for path in looked["files"]:
    try:
        there = os.lstat(path)
    except OSError as exc:
        see(path, exc.errno)
        continue
    digest = ""
    if stat.S_ISREG(there.st_mode):
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    see(path, there.st_mode, there.st_uid, there.st_gid, digest)
for argv in looked["commands"]:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        see(argv, done.returncode, hashlib.sha256(done.stdout).hexdigest())
    except OSError as exc:
        see(argv, exc.errno)
print(seen.hexdigest())
"""


@dataclass(frozen=True)
class Look:
    """What one task looks at: files, or a command. Both empty: a task that goes by something else."""

    files: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Witness:
    """All that a play looks at."""

    files: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, looks: Iterable[Look]) -> Witness:
        """Each once, in a fixed order."""
        looks = tuple(looks)
        files = {SYSTEM, *(path for look in looks for path in look.files)}
        commands = {look.command for look in looks if look.command}
        return cls(tuple(sorted(files)), tuple(sorted(commands)))

    def digest(self, host: Host) -> str:
        """What is to be seen on the host now.

        Raises:
            HostError: it cannot be reached, or has no python3.
        """
        looked = json.dumps({"files": self.files, "commands": self.commands}).encode()
        done = host.run(["python3", "-I", "-c", LOOK], stdin=[looked], timeout=SECONDS)
        if done.code != 0:
            raise HostError(
                value=done.stderr,
                rule="python3 runs on the host, as Ansible needs it",
                remedy="install python3 there, or mend what it says",
            )
        return done.stdout.decode().strip()

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return {"files": list(self.files), "commands": [list(each) for each in self.commands]}


def parse_look(action: str, result: dict[str, Any]) -> Look | None:
    """What a task looked at; None for one that does not look at the host at all."""
    match action.removeprefix("ansible.builtin."):
        case "debug" | "assert" | "meta" | "include_tasks" | "include_role" | "setup" | "validate_argument_spec":
            return None
        case "command" | "shell":
            command = result.get("cmd", [])
            return Look(command=("sh", "-c", command) if isinstance(command, str) else tuple(map(str, command)))
        case _:
            arguments = (result.get("invocation") or {}).get("module_args") or {}
            path = arguments.get("dest") or arguments.get("path") or result.get("dest") or result.get("path")
            return Look(files=(str(path),)) if path else Look()
