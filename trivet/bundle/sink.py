"""A file that is written past the page cache, where its file system allows that.

Gigabytes that are written once need no room in memory, and a write that goes straight to the disk costs a quarter of
the processor time; on a machine that has to find fresh memory for each page, a tenth. Where offset, length or file
system do not allow it (a tar, a file's last bytes, some network file systems), the page cache does what it always
did.
"""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path
from typing import Final

BUFFER: Final = 4 << 20  # bytes
ALIGNMENT: Final = 4096  # bytes; what every disk and file system is content with


def buffers(count: int) -> list[memoryview]:
    """Buffers that can be written past the page cache: they begin at a page."""
    return [memoryview(mmap.mmap(-1, BUFFER)) for _ in range(count)]


class Sink:
    """A file that is there or is made, to be read and written; `descriptor` is whose it is to close."""

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self.descriptor = os.open(path, flags, 0o644)
        os.fchmod(self.descriptor, 0o644)
        self._direct: int | None = None
        try:
            self._direct = os.open(path, flags | os.O_DIRECT)
        except OSError as exc:
            if exc.errno != errno.EINVAL:
                os.close(self.descriptor)
                raise

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return os.fstat(self.descriptor).st_size

    def write(self, chunk: memoryview, position: int) -> None:
        """Write all of a chunk, which begins where a buffer does."""
        done = self._write_direct(chunk, position)
        while done < len(chunk):
            done += os.pwrite(self.descriptor, chunk[done:], position + done)

    def end(self) -> None:
        """No more is written."""
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None

    def _write_direct(self, chunk: memoryview, position: int) -> int:
        length = len(chunk) // ALIGNMENT * ALIGNMENT
        if self._direct is None or position % ALIGNMENT or not length:
            return 0
        try:
            return os.pwrite(self._direct, chunk[:length], position)
        except OSError as exc:
            if exc.errno != errno.EINVAL:
                raise
            self.end()
            return 0
