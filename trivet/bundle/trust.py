"""The rules by which a bundle is believed, without I/O.

A `TrustedBundle` starts with what its host pinned and takes in one document after the other. Each step needs those
before it; a step that fails raises and adds nothing, so that what it holds is verified at any time.

 1. **Keys.** Who may sign, and how many must, is known beforehand and never read from the bundle (`pinned.Pinned`).
 2. **Index.** Its signatures are held against its bytes; only then are the bytes parsed; only then do its dates
    count: `now` lies before `expires` and, since a clock that is slow would let it live for ever, not before
    `created`.
    An **installer** beside it is signed by the same rule, so that people can verify it alone before they run it, and
    is the very one that the index names.
 3. **Delta**, where there is one. Signed by the same rule, and made for this index.
 4. **Manifests.** Each has the length and the digest that the index promises; only then is it parsed. It describes an
    image or an artifact: no index within the index, no foreign layers, and image layers are not compressed, so that
    nothing unpacks to more than was signed. Names and file names can be part of a path and lead nowhere else.
 5. **Lengths.** One digest has one length, wherever it is named.
 6. **Files.** What the documents call for is there, with its length, and nothing besides. A delta lacks what its base
    has.
 7. **Blobs.** Each has its digest. Whoever reads them says so, blob by blob.
 8. Only when none is left (`complete`) may anything be written that has a name where others look.

Rules 1 to 6 read a few kilobytes: a wrong signature, a missing file or a wrong length is known before the first large
blob is opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from trivet.bundle.documents import DELTA_FILE, INDEX_FILE, INSTALLER_FILE, BundleIndex, Delta
from trivet.bundle.minisig import Signature
from trivet.bundle.oci import CONFIG, LAYER, MANIFEST, Descriptor, Manifest
from trivet.bundle.pinned import Pinned, parse_signatures
from trivet.bundle.refusals import (
    DigestError,
    DocumentError,
    ExpiredError,
    LengthError,
    MissingFileError,
    UnexpectedFileError,
)
from trivet.spec.digest import sha256_digest

TITLE: Final = "org.opencontainers.image.title"
MODEL_PATH: Final = "org.cncf.model.filepath"
DOCUMENT_LIMIT: Final = 4 << 20  # bytes of an index, a packing list or a manifest

_NAME: Final = re.compile(r"[a-z]+/[a-z0-9](?:[a-z0-9._-]{0,126}[a-z0-9])?")
_FILE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~-]*(?:/[A-Za-z0-9_][A-Za-z0-9._+~-]*)*")
_AGAIN: Final = "get the bundle again from whoever made it; do not use this one"


class TrustedBundle:
    """What is known of a bundle: nothing at first, everything at the end.

    Attributes:
        where: names the bundle in errors.
        pinned: the keys that count; None takes unsigned bundles.
        signers: whose signatures of the index count.
        blobs: descriptors of manifests, configs and layers, by digest.
        names: the manifests, by the names that the index gives them.
    """

    def __init__(self, pinned: Pinned | None, now: datetime | None, where: str) -> None:
        self.where = where
        self.pinned = pinned
        self.signers: tuple[Signature, ...] = ()
        self.blobs: dict[str, Descriptor] = {}
        self.names: dict[str, Manifest] = {}
        self._now = now
        self._index: tuple[BundleIndex, str] | None = None
        self._delta: tuple[Delta, str] | None = None
        self._unread: set[str] = set()

    @property
    def index(self) -> BundleIndex:
        """The index, after step 2."""
        return self._admitted()[0]

    @property
    def digest(self) -> str:
        """Digest of the index's bytes: the identity of the bundle."""
        return self._admitted()[1]

    @property
    def delta(self) -> Delta | None:
        """The delta's list, where the bundle is one."""
        return self._delta[0] if self._delta else None

    @property
    def delta_digest(self) -> str | None:
        """Digest of that list's bytes."""
        return self._delta[1] if self._delta else None

    @property
    def carried(self) -> Mapping[str, Descriptor]:
        """The blobs that travel in this bundle."""
        if self._delta is None:
            return self.blobs
        return {digest: self.blobs[digest] for digest in self._delta[0].carries}

    @property
    def complete(self) -> bool:
        """Whether every blob was read and found right."""
        return self._index is not None and len(self.names) == len(self.index.manifests) and not self._unread

    def admit_index(self, data: bytes, signatures: Mapping[str, bytes]) -> BundleIndex:
        """Step 2.

        Raises:
            SignatureError: a signature is malformed or wrong.
            UnsignedError, ThresholdError: too few pinned keys have signed.
            IntegrityError: the bytes are no bundle's index.
            ExpiredError: it no longer holds, or does not yet.
            DocumentError: two manifests have one name, or a name is none.
        """
        signers = self._check_signatures(INDEX_FILE, data, signatures)
        index = BundleIndex.parse(data, self._at(INDEX_FILE))
        self._check_dates(index)
        blobs: dict[str, Descriptor] = {}
        for entry in index.manifests:
            if entry.media_type != MANIFEST or not _NAME.fullmatch(entry.ref):
                raise self._document(f"{entry.ref or entry.digest}: {entry.media_type}", "entries are named manifests")
            self._enter(blobs, entry)
        if len({entry.ref for entry in index.manifests}) < len(index.manifests):
            raise self._document("two entries of one name", "each name stands once")
        self._index, self.signers, self.blobs = (index, sha256_digest(data)), signers, blobs
        self._unread = set(blobs)
        return index

    def admit_installer(self, data: bytes | None, signatures: Mapping[str, bytes]) -> None:
        """Step 2, for the script beside the index.

        Args:
            data: the script; None where there is none.
            signatures: the bytes of its signature files, by name.

        Raises:
            SignatureError, UnsignedError, ThresholdError: as for the index.
            MissingFileError, UnexpectedFileError: it is missing, or the index names none.
            DigestError: it is another one.
        """
        promised, place = self.index.installer, self._at(INSTALLER_FILE)
        if data is None and promised:
            raise MissingFileError(
                where=place,
                value="no such file",
                rule="the installer of the index travels along",
                remedy=_AGAIN,
            )
        if data is not None and not promised:
            raise UnexpectedFileError(
                where=place,
                value="an installer that the index does not name",
                rule="a bundle holds what its documents call for and nothing else",
                remedy="remove the file, if you know how it came there",
            )
        if data is not None:
            self._check_signatures(INSTALLER_FILE, data, signatures)
            require_digest(sha256_digest(data), promised, place)

    def admit_delta(self, data: bytes, signatures: Mapping[str, bytes]) -> Delta:
        """Step 3.

        Raises:
            SignatureError, UnsignedError, ThresholdError, IntegrityError: as for the index.
            DocumentError: the delta was made for another index.
        """
        self._check_signatures(DELTA_FILE, data, signatures)
        delta = Delta.parse(data, self._at(DELTA_FILE))
        if delta.index != self.digest:
            raise self._document(delta.index, f"the delta is of this bundle, {self.digest}", DELTA_FILE)
        self._delta = delta, sha256_digest(data)
        return delta

    def admit_manifest(self, entry: Descriptor, data: bytes) -> Manifest:
        """Step 4, once for each entry of the index, and step 5 for what it names.

        Raises:
            LengthError, DigestError: these are not the promised bytes.
            IntegrityError: they are no manifest.
            DocumentError: it says what no bundle may say.
        """
        place = self.place(entry.digest)
        require_length(len(data), entry.size, place)
        require_digest(sha256_digest(data), entry.digest, place)
        manifest = Manifest.parse(data, place)
        blobs = dict(self.blobs)
        for blob in (manifest.config, *manifest.layers):
            self._check_layer(manifest, blob, place)
            self._enter(blobs, blob)
        unread = self._unread - {entry.digest} | (blobs.keys() - self.blobs.keys())
        self.blobs, self._unread = blobs, unread
        self.names[entry.ref] = manifest
        return manifest

    def admit_files(self, sizes: Mapping[str, int]) -> None:
        """Step 6, once every manifest is in.

        Args:
            sizes: the length in bytes of each file below `blobs/`, by the digest that it is named by.

        Raises:
            MissingFileError, LengthError, UnexpectedFileError: naming the file.
            DocumentError: a delta says that it carries what its index does not name.
        """
        if self._delta and (foreign := sorted(set(self._delta[0].carries) - self.blobs.keys())):
            raise self._document(foreign[0], "a delta carries blobs of its index", DELTA_FILE)
        carried = self.carried
        for digest, blob in sorted(carried.items()):
            if digest not in sizes:
                raise MissingFileError(
                    where=self.place(digest), value="no such file", rule="every blob travels along", remedy=_AGAIN
                )
            require_length(sizes[digest], blob.size, self.place(digest))
        for digest in sorted(sizes.keys() - carried.keys()):
            raise UnexpectedFileError(
                where=self.place(digest),
                value=f"{sizes[digest]} bytes that the index does not name",
                rule="a bundle holds what its documents call for and nothing else",
                remedy="remove the file, if you know how it came there",
            )

    def admit_blob(self, promised: str, found: str, where: str) -> None:
        """Step 7, once for each blob.

        Args:
            promised: the blob's digest.
            found: the digest of the bytes that were read.
            where: the file that they were read from.

        Raises:
            DigestError: the two differ.
        """
        require_digest(found, promised, where)
        self._unread.discard(promised)

    def place(self, digest: str) -> str:
        """The path of a blob, for errors."""
        return self._at(f"blobs/{digest.replace(':', '/')}")

    def _at(self, name: str) -> str:
        return f"{self.where}/{name}"

    def _admitted(self) -> tuple[BundleIndex, str]:
        if self._index is None:
            raise RuntimeError("the index comes first")
        return self._index

    def _check_signatures(self, document: str, data: bytes, signatures: Mapping[str, bytes]) -> tuple[Signature, ...]:
        if self.pinned is None:
            parse_signatures(document, signatures, self._at(document))
            return ()
        return self.pinned.check(document, data, signatures, self._at(document))

    def _check_dates(self, index: BundleIndex) -> None:
        created, expires = index.created, index.expires
        if self._now is None or expires is None:
            return
        if self._now >= expires:
            raise ExpiredError(
                where=self._at(INDEX_FILE),
                value=f"it is {self._now:%Y-%m-%d %H:%M} UTC",
                rule=f"the bundle holds until {expires:%Y-%m-%d %H:%M} UTC",
                remedy="get a newer bundle; if the date is wrong, set this machine's clock",
            )
        if created and self._now < created:
            raise ExpiredError(
                where=self._at(INDEX_FILE),
                value=f"it is {self._now:%Y-%m-%d %H:%M} UTC",
                rule=f"the bundle was made at {created:%Y-%m-%d %H:%M} UTC, so it is later than that",
                remedy="set this machine's clock: it decides whether a bundle has expired",
            )

    def _check_layer(self, manifest: Manifest, blob: Descriptor, where: str) -> None:
        if manifest.config.media_type == CONFIG and blob.media_type not in {CONFIG, LAYER}:
            raise DocumentError(
                where=where,
                value=blob.media_type,
                rule=f"image layers are {LAYER}: what is unpacked is what was signed, and no more",
                remedy="build the image with `trivet build`, which stores layers uncompressed",
            )
        for key in (TITLE, MODEL_PATH):
            path = blob.annotations.get(key)
            if path is not None and not is_file_name(path):
                raise DocumentError(
                    where=where,
                    value=f"{key}: {path}",
                    rule="a file's name is a relative path of plain names, without `..`",
                    remedy=_AGAIN,
                )

    def _enter(self, blobs: dict[str, Descriptor], blob: Descriptor) -> None:
        known = blobs.setdefault(blob.digest, blob)
        if known.size != blob.size:
            raise self._document(f"{blob.digest}: {known.size} and {blob.size} bytes", "one digest has one length")

    def _document(self, value: str, rule: str, name: str = INDEX_FILE) -> DocumentError:
        return DocumentError(where=self._at(name), value=value, rule=rule, remedy=_AGAIN)


def is_file_name(path: str) -> bool:
    """True for a relative path of plain names, which leads nowhere else."""
    return _FILE.fullmatch(path) is not None


def require_length(found: int, promised: int, where: str) -> None:
    """Compare lengths in bytes.

    Raises:
        LengthError: they differ.
    """
    if found != promised:
        raise LengthError(where=where, value=f"{found} bytes", rule=f"{promised} bytes", remedy=_AGAIN)


def require_digest(found: str, promised: str, where: str) -> None:
    """Compare digests.

    Raises:
        DigestError: they differ.
    """
    if found != promised:
        raise DigestError(where=where, value=found, rule=promised, remedy=_AGAIN)
