"""This machine as a host."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat as modes
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from trivet.drivers.host import Completed, Report, Stat
from trivet.drivers.process import Processes
from trivet.drivers.refusals import UNIT_HOLDS, file_refused, source_changed
from trivet.errors import HostError

CHUNK = 1 << 20
# A placed file gets this time of modification: a later write to it shows, without reading it all again.
PLACED = 0
POLL = 0.2  # seconds


class LocalHost:
    """Implements `trivet.drivers.host.Host`. Relative paths start at the working directory."""

    def __init__(self) -> None:
        self._processes = Processes()

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: Iterable[bytes] = (),
        timeout: float = 60,
        on_line: Report | None = None,
    ) -> Completed:
        """See `Host.run`."""
        return self._processes.run(argv, stdin=stdin, timeout=timeout, on_line=on_line)

    def read(self, path: str) -> bytes | None:
        """See `Host.read`."""
        with _plainly(path):
            try:
                return Path(path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, path: str, data: bytes, *, mode: int = 0o644, directory_mode: int = 0o755) -> bool:
        """See `Host.write`."""
        there = self.stat(path)
        if there and there.mode == mode and self.read(path) == data:
            return False
        self._settle(path, (data,), mode=mode, directory_mode=directory_mode)
        return True

    def put(self, source: Path, path: str, *, digest: str, size: int) -> bool:
        """See `Host.put`."""
        if self.is_placed(path, size=size):
            return False
        self._settle(path, _verified(source, digest, size), mode=0o444, modified=PLACED)
        return True

    def is_placed(self, path: str, *, size: int) -> bool:
        """See `Host.is_placed`."""
        there = self.stat(path)
        return there is not None and (there.size, there.modified, there.mode) == (size, PLACED, 0o444)

    def stat(self, path: str) -> Stat | None:
        """See `Host.stat`."""
        with _plainly(path):
            try:
                found = Path(path).stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        return Stat(
            is_directory=modes.S_ISDIR(found.st_mode),
            size=found.st_size,
            modified=int(found.st_mtime),
            mode=modes.S_IMODE(found.st_mode),
        )

    def listdir(self, path: str) -> list[str]:
        """See `Host.listdir`."""
        with _plainly(path):
            try:
                return sorted(entry.name for entry in Path(path).iterdir())
            except (FileNotFoundError, NotADirectoryError):
                return []

    def remove(self, path: str) -> bool:
        """See `Host.remove`."""
        there = self.stat(path)
        with _plainly(path):
            if there and there.is_directory:
                shutil.rmtree(path)
            else:
                Path(path).unlink(missing_ok=True)
        return there is not None

    @contextlib.contextmanager
    def lock(self, path: str, *, timeout: float, report: Report) -> Iterator[None]:
        """See `Host.lock`: an flock whose descriptor every command inherits."""
        with _plainly(path):
            handle = self._take(Path(path), time.monotonic() + timeout, report)
        try:
            with self._processes.inheriting(handle):
                yield
        finally:
            os.close(handle)

    def cancel(self) -> None:
        """See `Host.cancel`."""
        self._processes.cancel()

    def _take(self, path: Path, deadline: float, report: Report) -> int:
        waiting = False
        while True:
            self._processes.refuse_cancelled("waiting for the lock")
            _make_directory(path.parent, 0o755)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _names(path, handle):
                    return handle
            except BlockingIOError:
                if not waiting:
                    report("waiting for an earlier run on this host to end")
                waiting = True
            os.close(handle)
            if time.monotonic() > deadline:
                raise HostError(
                    where=str(path),
                    value="another run holds the lock",
                    rule="one run at a time works on an installation",
                    remedy=f"wait for it; `fuser {path}` names its processes, {UNIT_HOLDS}",
                )
            if waiting:
                time.sleep(POLL)

    def _settle(
        self, path: str, chunks: Iterable[bytes], *, mode: int, directory_mode: int = 0o755, modified: int | None = None
    ) -> None:
        """Write whole, bring to disk, then give the file its name."""
        final = Path(path)
        part = final.with_name(f"{final.name}.part")
        with _plainly(path):
            _make_directory(final.parent, directory_mode)
            part.unlink(missing_ok=True)  # an earlier run may have been cut here
            try:
                with part.open("wb") as file:
                    os.fchmod(file.fileno(), mode)
                    file.writelines(chunks)
                    file.flush()
                    os.fsync(file.fileno())
                if modified is not None:
                    os.utime(part, (modified, modified))
                part.replace(final)
            finally:
                part.unlink(missing_ok=True)


def _verified(source: Path, digest: str, size: int) -> Iterator[bytes]:
    """A file's bytes; the last chunk is followed by an error if they do not have the digest."""
    seen, count = hashlib.sha256(), 0
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            seen.update(chunk)
            count += len(chunk)
            yield chunk
    if (count, f"sha256:{seen.hexdigest()}") != (size, digest):
        raise source_changed(source, f"{count} bytes with digest sha256:{seen.hexdigest()}", digest, size)


def _make_directory(path: Path, mode: int) -> None:
    """Make a directory where there is none. Its mode is not left to the umask: containers have to pass."""
    if not path.is_dir():
        path.mkdir(parents=True)
        path.chmod(mode)


def _names(path: Path, handle: int) -> bool:
    """False if the lock's file was removed, with its directory, while we waited for it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _plainly(path: str) -> Iterator[None]:
    """Say an operating system's error as ours."""
    try:
        yield
    except OSError as exc:
        raise file_refused(path, exc.strerror or str(exc)) from exc
