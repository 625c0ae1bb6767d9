"""The one way in which a key reaches us: a file that nobody else can read. Never argv, never the environment."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from trivet.errors import ConformanceError

MAX_BYTES = 4096
KEY = re.compile(r"[!-~]{16,512}")


def read_key(path: Path) -> str:
    """The key in `path`: one line of printable ASCII, in a file of mode 0600 or stricter.

    Raises:
        ConformanceError: the file cannot be read, others may read it, or it does not hold one key.
    """
    try:
        # O_NONBLOCK: a pipe in the file's place is refused below and not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        raise ConformanceError(
            where=str(path),
            value=exc.strerror or "cannot be opened",
            rule="the key is read from a file",
            remedy="pass the file that the stack's output keyFile names (`pulumi stack output keyFile`)",
        ) from exc
    try:
        # Of the open file, not of the path: what was checked is what is read.
        _require_private(path, os.fstat(descriptor).st_mode)
        data = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    text = data.decode("latin-1").strip()
    if not KEY.fullmatch(text):
        raise ConformanceError(
            where=str(path),
            value=f"{len(data)} bytes that are not a key" if len(data) <= MAX_BYTES else f"more than {MAX_BYTES} bytes",
            rule="a key file holds one key, in printable ASCII, and nothing else",
            remedy="pass the file that the stack's output keyFile names, or run `pulumi up` to have it written again",
        )
    return text


def _require_private(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise ConformanceError(
            where=str(path), value=stat.filemode(mode), rule="the key is read from a regular file", remedy="name a file"
        )
    if stat.S_IMODE(mode) & 0o077:
        raise ConformanceError(
            where=str(path),
            value=f"mode {stat.S_IMODE(mode):04o}",
            rule="only its owner may read a key file",
            remedy=f"run `chmod 600 {path}`; if somebody else may have read it, replace the key as well",
        )
