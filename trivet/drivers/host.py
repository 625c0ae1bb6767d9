"""A host, as every driver sees it: run, read, write, place, look. Local today; the same protocol over SSH."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Report = Callable[[str], None]
"""Takes one line of progress."""


@dataclass(frozen=True)
class Completed:
    """A command that ended by itself, with whatever exit code."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: str


@dataclass(frozen=True)
class Stat:
    """What lies at a path. `size` in bytes; `modified` in whole seconds since 1970; `mode` the permission bits."""

    is_directory: bool
    size: int
    modified: int
    mode: int


class Host(Protocol):
    """A machine. Paths are the host's; every method raises HostError when the host cannot do what it is asked.

    Nothing secret may stand in `argv`, which other users of the machine can read.
    """

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        timeout: float = 60,
        on_line: Report | None = None,
    ) -> Completed:
        """Run a command to its end, whatever its exit code.

        Args:
            argv: the command, without a shell.
            stdin: streamed to its standard input.
            timeout: seconds until it is ended.
            on_line: called with each line of its standard error as it comes.
        """

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None where there is none."""

    def write(self, path: str, data: bytes, *, mode: int = 0o644, directory_mode: int = 0o755) -> bool:
        """Make the file be exactly this, whole or not at all, in a directory that is made; True if that changed it."""

    def put(self, source: Path, path: str, *, digest: str, size: int) -> bool:
        """Copy a file of the operator's to the host and verify it there; True if anything had to be copied.

        A file that was placed before and not touched since is left alone, so this is cheap to repeat. A copy that is
        cut short leaves nothing under `path`.

        Args:
            source: the operator's file.
            path: where it goes; appears there only when it is whole, read-only, and has the digest.
            digest: `sha256:…` that the bytes must have.
            size: their number.
        """

    def is_placed(self, path: str, *, size: int) -> bool:
        """True if `put` placed a file of that size there and nobody wrote to it since."""

    def stat(self, path: str) -> Stat | None:
        """What lies there; None for nothing."""

    def listdir(self, path: str) -> list[str]:
        """Sorted names in a directory; empty where there is none."""

    def remove(self, path: str) -> bool:
        """Remove a file or a whole directory; False where there was none."""

    def lock(self, path: str, *, timeout: float, report: Report) -> AbstractContextManager[None]:
        """Hold a lock that lasts until every command started under it has ended, so that a run after a crash waits.

        Args:
            path: the lock's file; its directory is made.
            timeout: seconds to wait for it.
            report: told when there is something to wait for.
        """

    def cancel(self) -> None:
        """End what is running, and refuse to run more: the operator has interrupted."""
