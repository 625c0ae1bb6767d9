"""What a host's files can refuse, in the same words whether the host is this machine or another."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from trivet.errors import HostError, IntegrityError

FULL: Final = frozenset({"No space left on device", "Disk quota exceeded"})
"""How glibc words ENOSPC and EDQUOT."""
UNIT_HOLDS: Final = "`systemctl status 'trivet-*'` the unit that starts a stack at boot"
"""Who else may hold a lock."""


def file_refused(path: str, value: str) -> HostError:
    """A file that cannot be read or written; `value` is the operating system's own message."""
    if value in FULL:
        return HostError(
            where=path,
            value=value,
            rule="the disk has room for the installation",
            remedy=f"free space there (`df -h {PurePosixPath(path).parent}`), then run the command again",
        )
    return HostError(
        where=path,
        value=value,
        rule="the installation's files can be read and written",
        remedy="mend the path's owner, mode or kind there, then run the command again",
    )


def source_changed(source: Path, found: str, digest: str, size: int) -> IntegrityError:
    """A local file that is not what it was to be, `size` bytes with `digest`, when it is copied."""
    return IntegrityError(
        where=str(source),
        value=found,
        rule=f"{size} bytes with digest {digest}",
        remedy="remove the file and run `trivet build` (or copy the store again)",
    )
