"""What is being written appears under its name only when it is whole: as `NAME.incoming` until then.

A draft that was cut off (a killed process, a lost mount) is continued by the next run; one that turned out to be
wrong is removed. Nothing else is changed on the way.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from trivet.bundle.carrier import BLOBS
from trivet.bundle.documents import INSTALLER_FILE
from trivet.bundle.extent import Extents
from trivet.bundle.oci import Descriptor
from trivet.bundle.progress import Progress
from trivet.bundle.tarball import END, header, padding, tar_offsets
from trivet.bundle.transfer import Copy, Done, copy_blobs
from trivet.errors import HostError, IntegrityError

INCOMING: Final = ".incoming"
TAR: Final = ".tar"

Sources = Sequence[tuple[Descriptor, Extents]]


@contextmanager
def draft(out: Path) -> Iterator[Path]:
    """A draft beside `out`, which takes that name at the end.

    Raises:
        HostError: `out` exists, or another process writes it.
    """
    if out.exists():
        raise HostError(
            where=str(out),
            value="it exists",
            rule="what is written gets a name of its own",
            remedy="name another place, or remove this one",
        )
    path = out.with_name(out.name + INCOMING)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix == TAR:
        path.touch()
    else:
        path.mkdir(exist_ok=True)
    with alone(path):
        try:
            yield path
        except IntegrityError:
            remove(path)
            raise
        _sync_tree(path)
        path.rename(out)
        sync(out.parent)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a file or directory against other processes that ask for the same."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise HostError(
                where=str(path),
                value="another process is at it",
                rule="one process at a time writes here",
                remedy="wait for it, or end it and run the command again: it continues",
            ) from exc
        yield
    finally:
        os.close(descriptor)


def write_bundle(path: Path, documents: Mapping[str, bytes], blobs: Sources, progress: Progress) -> Done:
    """Bring blobs, then documents, into a draft: a directory, or a tar where `path` is a file."""
    return (_write_tar if path.is_file() else _write_directory)(path, documents, blobs, progress)


def _write_directory(root: Path, documents: Mapping[str, bytes], blobs: Sources, progress: Progress) -> Done:
    folder = root / BLOBS
    folder.mkdir(parents=True, exist_ok=True)
    for path in (root, folder.parent, folder):
        path.chmod(0o755)
    remove_strays(folder, [blob.digest.removeprefix("sha256:") for blob, _ in blobs])
    done = copy_blobs(
        [Copy(blob, source, folder / blob.digest.removeprefix("sha256:")) for blob, source in blobs], progress
    )
    remove_strays(root, [*documents, folder.parent.name])
    for name, data in documents.items():
        write_whole(root / name, data, 0o755 if name == INSTALLER_FILE else 0o644)
    return done


def _write_tar(path: Path, documents: Mapping[str, bytes], blobs: Sources, progress: Progress) -> Done:
    named = [(f"{BLOBS}{blob.digest.removeprefix('sha256:')}", blob, source) for blob, source in blobs]
    files = [(name, blob.size) for name, blob, _ in named] + [(name, len(data)) for name, data in documents.items()]
    offsets, end = tar_offsets(files)
    done = copy_blobs([Copy(blob, source, path, offsets[name]) for name, blob, source in named], progress)
    with path.open("r+b") as file:
        for name, size in files:
            file.seek(offsets[name] - len(header(name, size)))
            file.write(header(name, size))
            file.seek(offsets[name] + size)
            file.write(bytes(padding(size)))
        for name, data in documents.items():
            file.seek(offsets[name])
            file.write(data)
        file.seek(end)
        file.write(END)
        file.truncate()
        os.fchmod(file.fileno(), 0o644)
        file.flush()
        os.fsync(file.fileno())
    return done


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all, in the place of what was there."""
    write_stream(path, (data,), mode)


def write_stream(path: Path, chunks: Iterable[bytes], mode: int = 0o644) -> None:
    """The same from chunks: when they end in an error, nothing was written."""
    new = path.with_name(f".{path.name}{INCOMING}")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.writelines(chunks)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync(path.parent)


def sync(directory: Path) -> None:
    """Bring a directory's names to disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a draft."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_strays(folder: Path, names: Iterable[str]) -> None:
    """Leave in a draft only what this run wants: an earlier one may have wanted something else."""
    wanted = set(names)
    for stray in [each for each in folder.iterdir() if each.name not in wanted]:
        remove(stray)


def _sync_tree(path: Path) -> None:
    for directory in (each for each in (path, *path.rglob("*")) if each.is_dir()):
        sync(directory)
