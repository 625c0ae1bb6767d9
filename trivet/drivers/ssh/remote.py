"""A command's way to the host: one line for the login shell there, and what comes back on standard error.

Two shells lie around the command. The outer one says which process group is to be ended with it (sshd gives each
session one of its own); then sudo, where it is wanted; the inner one takes its share of the lock, looks whether the
command is there, and says how it ended. That a command's end was not said means that it is not known.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Callable, Sequence
from typing import Final

from trivet.drivers.host import Report

OUTER: Final = 'echo "$1 group $$" >&2; shift; exec "$@"'
INNER: Final = """
export LC_ALL=C
mark=$1 lock=$2
shift 2
if [ -n "$lock" ]; then exec 8<"$lock" && flock --shared 8 || exit; fi
if command -v "$1" >/dev/null; then "$@"; echo "$mark end $?" >&2; else echo "$mark missing" >&2; fi
"""


class Remote:
    """A command on the host. `group` is 0 until it has begun; `code` None until it has said how it ended."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str = "",
        sudo: Sequence[str] = (),
        lock: str = "",
        on_line: Report | None = None,
        on_begin: Callable[[Remote], None] = lambda _: None,
    ) -> None:
        self.name = name
        mark = f"trivet-{secrets.token_hex(8)}"
        inner = ["sh", "-c", INNER, "sh", mark, lock, *argv]
        self.line = "exec " + shlex.join(["sh", "-c", OUTER, "sh", mark, *sudo, *inner])
        self.group = 0
        self.code: int | None = None
        self.is_missing = False
        self._mark = re.compile(rf"(.*){mark} (group|end|missing) ?(\d*)")
        self._said: list[str] = []
        self._on_line = on_line
        self._on_begin = on_begin

    def hear(self, line: str) -> None:
        """Take a line of standard error."""
        found = self._mark.fullmatch(line)
        if found is None:
            self._pass_on(line)
            return
        before, what, number = found.groups()
        if before:
            self._pass_on(before)  # the command's last line did not end
        if what == "group":
            self.group = int(number)
            self._on_begin(self)
        elif what == "end":
            self.code = int(number)
        else:
            self.is_missing = True

    @property
    def stderr(self) -> str:
        """What the command itself said."""
        return "".join(f"{line}\n" for line in self._said)

    def _pass_on(self, line: str) -> None:
        self._said.append(line)
        if self._on_line:
            self._on_line(line)
