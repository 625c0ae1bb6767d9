"""Free space on a host, so that a deployment is refused before it fills a disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from trivet.drivers.host import Host
from trivet.errors import HostError

KIB = 1 << 10
RESERVE = 64 << 20  # bytes that stay free for logs, the audit and everybody else


@dataclass(frozen=True)
class Need:
    """Bytes that will be written below a path, and what for."""

    path: str
    size: int
    what: str


@dataclass(frozen=True)
class Filesystem:
    """A mounted file system and its free bytes."""

    mount: str
    free: int


def require_space(host: Host, needs: Iterable[Need]) -> None:
    """Refuse what would not fit. Needs on one file system add up.

    Raises:
        HostError: a file system is too full.
    """
    by_filesystem: dict[Filesystem, list[Need]] = defaultdict(list)
    for need in needs:
        if need.size:
            by_filesystem[_filesystem(host, need.path)].append(need)
    for filesystem, group in by_filesystem.items():
        size = sum(need.size for need in group) + RESERVE
        if size > filesystem.free:
            raise HostError(
                where=filesystem.mount,
                value=f"{_mib(filesystem.free)} MiB free",
                rule=f"{_mib(size)} MiB are needed for {' and '.join(need.what for need in group)}, reserve included",
                remedy=f"free space (`df -h {filesystem.mount}`), then run the command again; nothing was changed",
            )


def free(host: Host, path: str) -> int:
    """Free bytes where a path is, or would be.

    Raises:
        HostError: that cannot be told.
    """
    return _filesystem(host, path).free


def _filesystem(host: Host, path: str) -> Filesystem:
    place = _existing(host, path)
    done = host.run(["df", "-Pk", place])
    if done.code != 0:
        raise HostError(
            where=place,
            value=done.stderr.strip(),
            rule="the free space of a disk can be read",
            remedy="see that `df -Pk` works there",
        )
    return parse(done.stdout.decode())


def parse(output: str) -> Filesystem:
    """The one row of `df -Pk PATH` (POSIX format, KiB)."""
    _, row = output.strip().splitlines()
    fields = row.split(maxsplit=5)
    return Filesystem(mount=fields[5], free=int(fields[3]) * KIB)


def _existing(host: Host, path: str) -> str:
    """The nearest directory upwards that is there."""
    place = PurePosixPath(path)
    while host.stat(str(place)) is None and place != place.parent:
        place = place.parent
    return str(place)


def _mib(size: int) -> int:
    return -(-size // (1 << 20))
