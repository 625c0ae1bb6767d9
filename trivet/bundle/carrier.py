"""What lies in front of us: the files of a bundle, in a directory or in a tar, before any of it is believed.

Only names that a bundle can have are let through, and only plain files: no links, no devices, no other directories. So
nothing that comes later can be led astray by a name.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivet.bundle.documents import INDEX_FILE, PART_FILE
from trivet.bundle.extent import Blobs, Extent, read_extents
from trivet.bundle.layout import MARKER
from trivet.bundle.minisig import SIGNATURE_LIMIT, SUFFIX
from trivet.bundle.refusals import DocumentError, LengthError, MissingFileError, UnexpectedFileError
from trivet.bundle.tarball import list_tar
from trivet.bundle.trust import DOCUMENT_LIMIT

MARKER_FILE: Final = "oci-layout"
BLOBS: Final = "blobs/sha256/"
_DIRECTORIES: Final = {"blobs", "blobs/sha256"}
_SIGNATURES: Final = 64

_ALLOWED: Final = re.compile(
    rf"{MARKER_FILE}|(?:(?:index|delta|part)\.json|install\.sh)(?:\.[0-9A-F]{{16}}\{SUFFIX})?|{BLOBS}[0-9a-f]{{64}}"
)


@dataclass(frozen=True)
class Carrier:
    """The files of a bundle, of a delta or of a part.

    Attributes:
        where: the directory or the tar.
        documents: the files at its top, by name.
        blobs: the files below `blobs/`, by the digest that they are named by; unread.
    """

    where: Path
    documents: Mapping[str, Extent]
    blobs: Blobs

    @property
    def sizes(self) -> Mapping[str, int]:
        """Lengths of the files below `blobs/`."""
        return {digest: sum(extent.size for extent in extents) for digest, extents in self.blobs.items()}

    def has(self, document: str) -> bool:
        """Whether there is such a document."""
        return document in self.documents

    def read(self, document: str) -> bytes:
        """A document's bytes.

        Raises:
            MissingFileError: there is none.
            LengthError: it is too large to be one.
        """
        if document not in self.documents:
            raise MissingFileError(
                where=f"{self.where}/{document}",
                value="no such file",
                rule=f"a bundle has {MARKER_FILE} and {INDEX_FILE}, a part has {PART_FILE} too",
                remedy="name the directory (or the tar) that `trivet bundle create` wrote",
            )
        return self._bounded(document, DOCUMENT_LIMIT)

    def signatures(self, document: str) -> Mapping[str, bytes]:
        """The signature files of a document, by name.

        Raises:
            LengthError: there are too many, or one is too large.
        """
        names = [name for name in self.documents if name.startswith(f"{document}.") and name.endswith(SUFFIX)]
        if len(names) > _SIGNATURES:
            raise LengthError(
                where=f"{self.where}/{document}",
                value=f"{len(names)} signatures",
                rule=f"a document has at most {_SIGNATURES}",
                remedy="remove those that nobody needs",
            )
        return {name: self._bounded(name, SIGNATURE_LIMIT) for name in names}

    def require_marker(self) -> None:
        """Refuse what is no OCI image layout.

        Raises:
            MissingFileError: the marker is missing.
            DocumentError: it is another one.
        """
        if self.read(MARKER_FILE) != MARKER:
            raise DocumentError(
                where=f"{self.where}/{MARKER_FILE}",
                value="another content",
                rule=f"an OCI image layout says {MARKER.decode()}",
                remedy="get the bundle again",
            )

    def _bounded(self, name: str, limit: int) -> bytes:
        extent = self.documents[name]
        if extent.size > limit:
            raise LengthError(
                where=f"{self.where}/{name}",
                value=f"{extent.size} bytes",
                rule=f"at most {limit} bytes",
                remedy="get the bundle again",
            )
        return read_extents((extent,))


def open_carrier(where: Path) -> Carrier:
    """List a bundle's files; nothing of them is read but the headers of a tar.

    Raises:
        MissingFileError: there is nothing of that name, or a signed document is missing.
        UnexpectedFileError: something in it cannot be part of a bundle.
    """
    if not where.exists():
        raise MissingFileError(
            where=str(where), value="no such file or directory", rule="a bundle is named", remedy="check the path"
        )
    documents: dict[str, Extent] = {}
    blobs: dict[str, tuple[Extent, ...]] = {}
    for name, extent in list_tar(where) if where.is_file() else _walk(where, ""):
        digest = f"sha256:{name.removeprefix(BLOBS)}" if name.startswith(BLOBS) else ""
        if not _ALLOWED.fullmatch(name) or name in documents or digest in blobs:
            raise _unexpected(f"{where}/{name}", "a file that no bundle has, or has once")
        if digest:
            blobs[digest] = (extent,)
        else:
            documents[name] = extent
    for name in documents:
        document = name.removesuffix(SUFFIX).rpartition(".")[0]
        if name.endswith(SUFFIX) and document not in documents:
            raise MissingFileError(
                where=f"{where}/{document}",
                value="no such file, though there is a signature of it",
                rule="what was signed travels along",
                remedy="get the bundle again",
            )
    return Carrier(where, documents, blobs)


def _walk(root: Path, below: str) -> Iterator[tuple[str, Extent]]:
    with os.scandir(root / below) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            name = f"{below}{entry.name}"
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) and name in _DIRECTORIES:
                yield from _walk(root, f"{name}/")
            elif stat.S_ISREG(status.st_mode):
                yield name, Extent(root / name, 0, status.st_size)
            else:
                raise _unexpected(f"{root}/{name}", f"a {_kind(status.st_mode)}")


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "special file"


def _unexpected(where: str, what: str) -> UnexpectedFileError:
    return UnexpectedFileError(
        where=where,
        value=what,
        rule="a bundle holds what its documents call for and nothing else",
        remedy="remove it, if you know how it came there; keep a bundle in a directory of its own",
    )
