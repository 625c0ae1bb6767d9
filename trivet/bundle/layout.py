"""An OCI image layout on disk: content-addressed, checked on the way in and on the way out, never half written.

Order of checks when a blob is read: its digest is well formed (so that it cannot name a path), it is there, it has the
promised length, its bytes have the promised digest. A blob appears under its name only when it is whole and on disk.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from trivet.bundle.oci import EMPTY_INDEX, REF_NAME, Descriptor, Index, Manifest
from trivet.errors import HostError, IntegrityError

CHUNK = 1 << 20
DOCUMENT_LIMIT = 4 << 20  # bytes; registries refuse larger manifests, so nobody makes them
GRACE = 3600.0  # seconds; another process may have put a blob and not yet named it
MARKER = b'{"imageLayoutVersion":"1.0.0"}'
_INGEST = ".ingest-"


class Layout:
    """A layout at `root`. Readers need no lock; writers of the index take one."""

    def __init__(self, root: Path) -> None:
        """Open a layout.

        Raises:
            IntegrityError: there is none.
        """
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        if not (root / "oci-layout").is_file():
            raise IntegrityError(value=str(root), rule="a store is an OCI image layout", remedy="run `trivet build`")

    @classmethod
    def create(cls, root: Path) -> Layout:
        """Open the layout at `root`, making an empty one where there is none."""
        (root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        if not (root / "index.json").exists():
            _replace(root / "index.json", EMPTY_INDEX.dump())
        if not (root / "oci-layout").exists():
            _replace(root / "oci-layout", MARKER)
        return cls(root)

    def index(self) -> Index:
        """The table of contents."""
        path = self.root / "index.json"
        return Index.parse(path.read_bytes(), str(path))

    def find(self, ref: str) -> Descriptor | None:
        """The manifest that is named `ref`, such as `image/llama`."""
        return self.index().find(ref)

    def entry(self, digest: str) -> Descriptor:
        """The index entry of a manifest.

        Raises:
            IntegrityError: the index has none of that digest.
        """
        return self._required(digest, {each.digest: each for each in self.index().manifests})

    def path(self, blob: Descriptor) -> Path:
        """Where the blob's bytes are."""
        return self._blobs / blob.digest.removeprefix("sha256:")

    def open(self, blob: Descriptor) -> BinaryIO:
        """Open a blob of the promised length. Its digest is not checked: see `stream`.

        Raises:
            IntegrityError: it is missing or has another length.
        """
        try:
            file = self.path(blob).open("rb")
        except FileNotFoundError as exc:
            raise self._broken(blob, "is missing") from exc
        size = os.fstat(file.fileno()).st_size
        if size != blob.size:
            file.close()
            raise self._broken(blob, f"has {size} bytes")
        return file

    def stream(self, blob: Descriptor) -> Iterator[bytes]:
        """Yield a blob's bytes; whoever takes them must not use them before the end is reached.

        Raises:
            IntegrityError: the blob is missing, or its length or digest is not the promised one.
        """
        digest = hashlib.sha256()
        with self.open(blob) as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                yield chunk
        if f"sha256:{digest.hexdigest()}" != blob.digest:
            raise self._broken(blob, f"has digest sha256:{digest.hexdigest()}")

    def read(self, blob: Descriptor) -> bytes:
        """A small document's bytes, checked.

        Raises:
            IntegrityError: as `stream`, or the document is larger than 4 MiB.
        """
        if blob.size > DOCUMENT_LIMIT:
            raise IntegrityError(
                where=str(self.path(blob)),
                value=f"{blob.size} bytes",
                rule=f"manifests and configs have at most {DOCUMENT_LIMIT} bytes",
                remedy="rebuild or copy the store again",
            )
        return b"".join(self.stream(blob))

    def manifest(self, entry: Descriptor) -> Manifest:
        """The manifest that an index entry points to, checked."""
        return Manifest.parse(self.read(entry), str(self.path(entry)))

    def verify(self, *refs: str) -> None:
        """Check every blob of the named entries (of all, where none is named), each once and on all cores.

        Raises:
            IntegrityError: an entry or a blob is missing, or a blob is not what its descriptor promises.
        """
        named = {entry.ref: entry for entry in self.index().manifests}
        entries = [self._required(ref, named) for ref in refs] if refs else named.values()
        blobs = {blob.digest: blob for entry in entries for blob in self.manifest(entry).blobs}
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for _ in pool.map(self._check, blobs.values()):
                pass

    def put(self, chunks: Iterable[bytes], media_type: str, *, expected: Descriptor | None = None) -> Descriptor:
        """Store a blob and return its descriptor.

        Raises:
            IntegrityError: the bytes are not the expected ones; nothing is stored.
            HostError: the disk is full; nothing is stored.
        """
        digest, size = hashlib.sha256(), 0
        with _draft(self.root) as file:
            for chunk in chunks:
                digest.update(chunk)
                size += file.write(chunk)
            blob = Descriptor(media_type=media_type, digest=f"sha256:{digest.hexdigest()}", size=size)
            if expected and (size, blob.digest) != (expected.size, expected.digest):
                raise self._broken(expected, f"came with {size} bytes, {blob.digest}")
            _settle(file, self.path(blob))
        return blob

    def put_bytes(self, data: bytes, media_type: str) -> Descriptor:
        """Store a document."""
        return self.put((data,), media_type)

    def put_file(self, path: Path, media_type: str) -> Descriptor:
        """Store a copy of a file."""
        with path.open("rb") as file:
            return self.put(iter(lambda: file.read(CHUNK), b""), media_type)

    def adopt(self, source: Layout, blob: Descriptor) -> None:
        """Take a blob of another layout, checked: moved where both are on one disk, else copied.

        Raises:
            IntegrityError: the blob is not what its descriptor promises; nothing is taken.
            HostError: the disk is full; nothing is taken.
        """
        source._check(blob)
        try:
            with source.open(blob) as file:
                _settle(file, self.path(blob))
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise
            self.put(source.stream(blob), blob.media_type, expected=blob)

    def name(self, ref: str, manifest: Descriptor, annotations: dict[str, str] | None = None) -> Descriptor:
        """Enter `manifest` into the index as `ref`, in the place of what had that name."""
        entry = manifest.model_copy(update={"annotations": {**(annotations or {}), REF_NAME: ref}})
        self.enter((entry,))
        return entry

    def enter(self, entries: Iterable[Descriptor]) -> None:
        """Enter several manifests under the names that their annotations give them: all at once, or none."""
        with self._locked():
            index = self.index()
            for entry in entries:
                index = index.replacing(entry)
            _replace(self.root / "index.json", index.dump())

    def forget(self, ref: str) -> None:
        """Take `ref` out of the index; `sweep` removes its blobs."""
        with self._locked():
            _replace(self.root / "index.json", self.index().without(ref).dump())

    def sweep(self, *, grace: float = GRACE) -> int:
        """Remove blobs that no entry needs and that are older than `grace` seconds; return the bytes freed."""
        index = self.index()
        needed = {entry.digest for entry in index.manifests}
        needed |= {blob.digest for entry in index.manifests for blob in self.manifest(entry).blobs}
        freed = 0
        for path in (*self._blobs.iterdir(), *self.root.glob(f"{_INGEST}*")):
            stat = path.stat()
            if f"sha256:{path.name}" not in needed and time.time() - stat.st_mtime > grace:
                path.unlink()
                freed += stat.st_size
        return freed

    def _required(self, key: str, entries: dict[str, Descriptor]) -> Descriptor:
        if key not in entries:
            raise IntegrityError(
                where=str(self.root), value=key, rule="the store holds what is asked of it", remedy="run `trivet build`"
            )
        return entries[key]

    def _check(self, blob: Descriptor) -> None:
        for _ in self.stream(blob):
            pass

    def _broken(self, blob: Descriptor, how: str) -> IntegrityError:
        return IntegrityError(
            where=str(self.path(blob)),
            value=f"the blob {how}",
            rule=f"{blob.size} bytes with digest {blob.digest}",
            remedy="remove the file and run `trivet build` (or copy the store again)",
        )

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.root / "oci-layout").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    with _draft(path.parent) as file:
        file.write(data)
        _settle(file, path)


@contextlib.contextmanager
def _draft(directory: Path) -> Iterator[BinaryIO]:
    """A new file in `directory`, gone at the end unless it was settled; a full disk is said plainly."""
    handle, name = tempfile.mkstemp(dir=directory, prefix=_INGEST)
    os.close(handle)
    try:
        with Path(name).open("wb") as file:
            yield file
    except OSError as exc:
        if exc.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise HostError(
            where=str(directory),
            value=os.strerror(exc.errno),
            rule="the store's disk has room for the images and models",
            remedy=f"free space (`df -h {directory}`), then run the command again; nothing was lost",
        ) from exc
    finally:
        Path(name).unlink(missing_ok=True)


def _settle(file: BinaryIO, path: Path) -> None:
    """Bring a finished file to disk, then give it its name."""
    file.flush()
    os.fchmod(file.fileno(), 0o644)
    os.fsync(file.fileno())
    Path(file.name).replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
