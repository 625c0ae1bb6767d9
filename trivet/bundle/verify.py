"""Verifies a bundle where it lies: documents first, then every blob, on all cores. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trivet.bundle.carrier import Carrier, open_carrier
from trivet.bundle.documents import DELTA_FILE, INDEX_FILE, INSTALLER_FILE, PART_FILE
from trivet.bundle.extent import Blobs, read_extents
from trivet.bundle.hashing import hash_blobs
from trivet.bundle.oci import Descriptor
from trivet.bundle.pinned import Pinned
from trivet.bundle.progress import SILENT, Progress
from trivet.bundle.refusals import BaseError, LengthError, MissingFileError, PartError
from trivet.bundle.trust import DOCUMENT_LIMIT, TrustedBundle, require_length


@dataclass(frozen=True)
class OpenBundle:
    """A bundle whose documents are believed, and where its blobs' bytes are."""

    trusted: TrustedBundle
    carrier: Carrier

    @property
    def missing(self) -> tuple[Descriptor, ...]:
        """What a delta leaves to its base."""
        return tuple(blob for digest, blob in self.trusted.blobs.items() if digest not in self.carrier.blobs)


def open_bundle(where: Path, pinned: Pinned | None, *, now: datetime | None) -> OpenBundle:
    """Believe a bundle's documents: rules 1 to 6 of `trust`.

    Args:
        where: its directory or tar.
        pinned: the keys that count; None takes unsigned bundles.
        now: the time; None lets dates not count.

    Raises:
        IntegrityError: a rule is broken; the subclass says which, the error names the file.
    """
    carrier = open_carrier(where)
    if carrier.has(PART_FILE):
        raise PartError(
            where=str(where),
            value="one part of a bundle that was split",
            rule="a bundle is whole",
            remedy="put the parts together with `trivet bundle join`",
        )
    return OpenBundle(believe(carrier, pinned, now=now), carrier)


def believe(carrier: Carrier, pinned: Pinned | None, *, now: datetime | None) -> TrustedBundle:
    """Hold the documents of a carrier against the rules; see `open_bundle`."""
    trusted = TrustedBundle(pinned, now, str(carrier.where))
    index = trusted.admit_index(carrier.read(INDEX_FILE), carrier.signatures(INDEX_FILE))
    carrier.require_marker()
    installer = carrier.read(INSTALLER_FILE) if carrier.has(INSTALLER_FILE) else None
    trusted.admit_installer(installer, carrier.signatures(INSTALLER_FILE))
    if carrier.has(DELTA_FILE):
        trusted.admit_delta(carrier.read(DELTA_FILE), carrier.signatures(DELTA_FILE))
    for entry in index.manifests:
        trusted.admit_manifest(entry, read_document(carrier.blobs, entry, trusted.place(entry.digest)))
    trusted.admit_files(carrier.sizes)
    return trusted


def verify_bundle(
    where: Path, pinned: Pinned | None, *, now: datetime | None, base: Path | None = None, progress: Progress = SILENT
) -> OpenBundle:
    """Verify a bundle down to the last byte. A delta is complete only with its base.

    Args:
        where: its directory or tar.
        pinned: the keys that count; None takes unsigned bundles.
        now: the time; None lets dates not count.
        base: what a delta was made for; without it only what travels in the delta is verified. It needs no signature of
            its own: the delta's index promises every byte that is taken from it.
        progress: hears of the bytes.

    Raises:
        IntegrityError: a rule is broken; the subclass says which, the error names the file.
    """
    bundle = open_bundle(where, pinned, now=now)
    if base is not None:
        bundle = with_base(bundle, open_bundle(base, None, now=None))
    trusted, blobs = bundle.trusted, bundle.carrier.blobs
    present = [(blob, blobs[digest]) for digest, blob in trusted.blobs.items() if digest in blobs]
    progress.begin("verify", sum(blob.size for blob, _ in present))
    hash_blobs(present, progress, trusted.admit_blob)
    progress.end()
    return bundle


def with_base(bundle: OpenBundle, base: OpenBundle) -> OpenBundle:
    """A delta together with its base.

    Raises:
        BaseError: the bundle is no delta, or was made for another base.
        MissingFileError: the base lacks what the delta leaves to it.
    """
    require_base(bundle.trusted, base.trusted.digest, str(base.carrier.where))
    blobs = {digest: base.carrier.blobs[digest] for digest in bundle.trusted.blobs if digest in base.carrier.blobs}
    whole = Carrier(bundle.carrier.where, bundle.carrier.documents, {**blobs, **bundle.carrier.blobs})
    for digest, blob in bundle.trusted.blobs.items():
        if digest not in whole.blobs:
            raise MissingFileError(
                where=base.trusted.place(digest),
                value="no such file",
                rule="the base has what the delta leaves out",
                remedy="verify the base; if it is right, the delta was made wrongly",
            )
        require_length(whole.sizes[digest], blob.size, base.trusted.place(digest))
    return OpenBundle(bundle.trusted, whole)


def require_base(trusted: TrustedBundle, base: str, where: str) -> None:
    """Refuse a base that a delta was not made for.

    Raises:
        BaseError: it is another one, or the bundle is no delta.
    """
    wanted = trusted.delta.base if trusted.delta else "none: the bundle is whole"
    if base != wanted:
        raise BaseError(
            where=where,
            value=base or "no bundle",
            rule=f"the base of {trusted.where} is {wanted}",
            remedy="install or name that bundle first, or get the whole bundle instead of the delta",
        )


def read_document(blobs: Blobs, entry: Descriptor, where: str) -> bytes:
    """The bytes of a manifest, never more than were promised.

    Raises:
        MissingFileError: it is not there.
        LengthError: it has another length, or is too large for a manifest.
    """
    if entry.digest not in blobs:
        raise MissingFileError(
            where=where, value="no such file", rule="every manifest travels along", remedy="get the bundle again"
        )
    extents = blobs[entry.digest]
    require_length(sum(extent.size for extent in extents), entry.size, where)
    if entry.size > DOCUMENT_LIMIT:
        raise LengthError(
            where=where,
            value=f"{entry.size} bytes",
            rule=f"a manifest has at most {DOCUMENT_LIMIT} bytes",
            remedy="make the bundle again",
        )
    return read_extents(extents)
