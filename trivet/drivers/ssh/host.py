"""A host over SSH. What needs many bytes is streamed; what is cut short is taken up again."""

from __future__ import annotations

import contextlib
import hashlib
import stat as modes
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from trivet.drivers.host import Completed, Report, Stat
from trivet.drivers.refusals import FULL, file_refused, source_changed
from trivet.drivers.ssh import scripts
from trivet.drivers.ssh.lock import RemoteLock
from trivet.drivers.ssh.session import ConnectionLostError, Session
from trivet.errors import HostError
from trivet.spec.ssh import SshTarget

CHUNK: Final = 1 << 20
BULK: Final = 4 << 20  # bytes from which on a connection of its own pays
PLACED: Final = 0
PUT_SECONDS: Final = 24 * 3600.0
FRUITLESS: Final = 3  # tries in a row that bring no byte further
ABSENT: Final = ("No such file or directory", "Not a directory")
VERBS: Final = {
    scripts.STAT: "looking at",
    scripts.READ: "reading",
    scripts.LIST: "listing",
    scripts.REMOVE: "removing",
    scripts.WRITE: "writing",
    scripts.PREPARE: "looking at",
}


class SshHost:
    """Implements `trivet.drivers.host.Host`. Relative paths start at the user's home."""

    def __init__(self, target: SshTarget, sudo_password: str | None = None) -> None:
        self._session = Session(target, sudo_password)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        timeout: float = 60,
        on_line: Report | None = None,
    ) -> Completed:
        """See `Host.run`. What is not at hand but streamed goes the way of bulk."""
        bulk = not isinstance(stdin, Sequence)
        return self._session.run(argv, stdin=stdin, timeout=timeout, on_line=on_line, bulk=bulk)

    def read(self, path: str) -> bytes | None:
        """See `Host.read`."""
        done = self._do(scripts.READ, path)
        return done.stdout if _is_there(path, done) else None

    def write(self, path: str, data: bytes, *, mode: int = 0o644, directory_mode: int = 0o755) -> bool:
        """See `Host.write`."""
        digest = hashlib.sha256(data).hexdigest()
        done = self._do(scripts.WRITE, path, f"{mode:o}", f"{directory_mode:o}", digest, stdin=(data,))
        return _output(path, done) == "changed"

    def put(self, source: Path, path: str, *, digest: str, size: int) -> bool:
        """See `Host.put`. Goes on where an earlier try was cut off."""
        there, fruitless, tried = -1, 0, False
        while fruitless < FRUITLESS:
            answer = _output(path, self._do(scripts.PREPARE, path, str(size)))
            if answer == "placed":
                return tried
            fruitless = 0 if int(answer) > there else fruitless + 1
            there, tried = int(answer), True
            offset = there if there <= size else 0
            with contextlib.suppress(ConnectionLostError):
                done = self._send(source, path, digest, size, offset)
                match _output(path, done).split():
                    case ["placed"]:
                        return True
                    case ["other", count, found] if offset == 0:
                        raise source_changed(source, f"{count} bytes with digest sha256:{found}", digest, size)
                    case ["other", _, _]:
                        there = -1  # what an earlier try left was not of this file
                    case ["short", count] if _ends_before(source, size):
                        self._do(scripts.REMOVE, f"{path}.part")
                        raise source_changed(source, f"{count} bytes", digest, size)
        raise HostError(
            where=path,
            value=f"{there} of {size} bytes are there after {FRUITLESS} tries that brought none",
            rule="the connection lasts long enough to bring something",
            remedy="see that host and network are well, then run the command again: it goes on from there",
        )

    def is_placed(self, path: str, *, size: int) -> bool:
        """See `Host.is_placed`."""
        there = self.stat(path)
        return there is not None and (there.size, there.modified, there.mode) == (size, PLACED, 0o444)

    def stat(self, path: str) -> Stat | None:
        """See `Host.stat`."""
        done = self._do(scripts.STAT, path)
        if not _is_there(path, done):
            return None
        raw, size, modified = done.stdout.split()
        mode = int(raw, 16)
        return Stat(is_directory=modes.S_ISDIR(mode), size=int(size), modified=int(modified), mode=modes.S_IMODE(mode))

    def listdir(self, path: str) -> list[str]:
        """See `Host.listdir`."""
        there = self.stat(path)
        if there is None or not there.is_directory:
            return []
        done = self._do(scripts.LIST, path)
        _output(path, done)
        return sorted(name.decode(errors="surrogateescape") for name in done.stdout.split(b"\0") if name)

    def remove(self, path: str) -> bool:
        """See `Host.remove`."""
        return _output(path, self._do(scripts.REMOVE, path)) == "there"

    @contextlib.contextmanager
    def lock(self, path: str, *, timeout: float, report: Report) -> Iterator[None]:
        """See `Host.lock`."""
        lock = RemoteLock(self._session, path)
        lock.take(timeout, report)
        try:
            yield
        finally:
            lock.release()

    def cancel(self) -> None:
        """See `Host.cancel`."""
        self._session.cancel()

    def close(self) -> None:
        """Hang up; the next call connects anew."""
        self._session.close()

    def _do(self, script: str, path: str, *args: str, stdin: Sequence[bytes] = ()) -> Completed:
        """Run a script that may be run twice."""
        argv, name = ["sh", "-c", script, "sh", path, *args], f"{VERBS[script]} {path}"
        return self._session.again(lambda: self._session.run(argv, stdin=stdin, name=name))

    def _send(self, source: Path, path: str, digest: str, size: int, offset: int) -> Completed:
        argv = ["sh", "-c", scripts.RECEIVE, "sh", path, str(size), digest.removeprefix("sha256:"), str(offset)]
        done = self._session.run(
            argv, stdin=_bytes(source, offset), timeout=PUT_SECONDS, bulk=size - offset >= BULK, name=f"sending {path}"
        )
        if any(words in done.stderr for words in FULL):
            self._do(scripts.REMOVE, f"{path}.part")
            raise _refused(path, done)
        return done


def _bytes(source: Path, offset: int) -> Iterator[bytes]:
    with source.open("rb", buffering=0) as file:
        file.seek(offset)
        while chunk := file.read(CHUNK):
            yield chunk


def _ends_before(source: Path, size: int) -> bool:
    return source.stat().st_size < size


def _is_there(path: str, done: Completed) -> bool:
    """False if the path names nothing.

    Raises:
        HostError: that cannot be told.
    """
    if done.code == 0:
        return True
    if done.stderr.strip().endswith(ABSENT):
        return False
    raise _refused(path, done)


def _output(path: str, done: Completed) -> str:
    """What a script that has succeeded says.

    Raises:
        HostError: it has not.
    """
    if done.code != 0:
        raise _refused(path, done)
    return done.stdout.decode(errors="replace").strip()


def _refused(path: str, done: Completed) -> HostError:
    lines = done.stderr.strip().splitlines()
    value = lines[0].rpartition(": ")[2] if lines else f"exit code {done.code}"
    return file_refused(path, value)
