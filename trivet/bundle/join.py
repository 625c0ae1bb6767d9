"""Puts together what was taken apart: the parts of a bundle, or a base and the updates to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trivet.bundle.carrier import Carrier, open_carrier
from trivet.bundle.documents import DELTA_FILE, PART_FILE
from trivet.bundle.draft import draft, write_bundle
from trivet.bundle.extent import Blobs
from trivet.bundle.hashing import hash_blobs
from trivet.bundle.oci import Descriptor
from trivet.bundle.parts import OpenPart, assemble, believe_part
from trivet.bundle.pinned import Pinned
from trivet.bundle.progress import SILENT, Progress
from trivet.bundle.refusals import DigestError, PartError
from trivet.bundle.transfer import Done, require_space
from trivet.bundle.trust import TrustedBundle
from trivet.bundle.verify import OpenBundle, believe, open_bundle, with_base


@dataclass(frozen=True)
class Joined:
    """A bundle that was put together, or would be."""

    trusted: TrustedBundle
    done: Done


def join_bundle(
    sources: Sequence[Path],
    out: Path,
    pinned: Pinned | None,
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Joined:
    """Join parts, in any order; or a base and then each update to it.

    Args:
        sources: the parts' directories (or tars); or the base's, then the delta's, then the next delta's.
        out: where the bundle goes, a directory or a `.tar`; it appears when it is whole.
        pinned: the keys that count; None takes what is unsigned.
        now: the time.
        dry_run: verify everything, write nothing.
        progress: hears of the bytes.

    Raises:
        IntegrityError: something is not sound or does not belong together; nothing is left behind.
        HostError: no room, or `out` exists.
    """
    carriers = [open_carrier(source) for source in sources]
    if all(carrier.has(PART_FILE) for carrier in carriers):
        parts = [believe_part(carrier, pinned) for carrier in carriers]
        bundle = _from_parts(parts, out, pinned, now)
    else:
        parts = []
        bundle = _from_base(sources, pinned, now)
    blobs = [(blob, bundle.carrier.blobs[digest]) for digest, blob in sorted(bundle.trusted.carried.items())]
    size = sum(blob.size for blob, _ in blobs)
    require_space(out, size)
    progress.begin("verify" if dry_run else "join", size)
    try:
        done = Done(copied=0, kept=0)
        if dry_run:
            hash_blobs(blobs, progress)
        else:
            names = sorted(bundle.carrier.documents)
            with draft(out) as path:
                done = write_bundle(path, {name: bundle.carrier.read(name) for name in names}, blobs, progress)
    except DigestError:
        _name_the_piece(parts, progress)
        raise
    progress.end()
    return Joined(bundle.trusted, done)


def _from_parts(parts: Sequence[OpenPart], out: Path, pinned: Pinned | None, now: datetime) -> OpenBundle:
    whole = assemble(parts, out)
    return OpenBundle(believe(whole, pinned, now=now), whole)


def _from_base(sources: Sequence[Path], pinned: Pinned | None, now: datetime) -> OpenBundle:
    first, *updates = sources
    bundle = open_bundle(first, None if updates else pinned, now=None if updates else now)
    if bundle.trusted.delta or not updates:
        raise PartError(
            where=str(first),
            value="an update" if bundle.trusted.delta else "a whole bundle",
            rule="parts are joined with parts; a base, named first, with its updates",
            remedy="name the base first, then the updates in their order",
        )
    for update in updates:
        joined = with_base(open_bundle(update, pinned, now=now), bundle)
        bundle = _without_delta(joined, pinned, now)
    return bundle


def _without_delta(bundle: OpenBundle, pinned: Pinned | None, now: datetime) -> OpenBundle:
    """The whole bundle that a delta and its base make: the delta's own list has done its work."""
    documents = {name: at for name, at in bundle.carrier.documents.items() if not name.startswith(DELTA_FILE)}
    blobs: Blobs = {digest: bundle.carrier.blobs[digest] for digest in bundle.trusted.blobs}
    carrier = Carrier(bundle.carrier.where, documents, blobs)
    return OpenBundle(believe(carrier, pinned, now=now), carrier)


def _name_the_piece(parts: Sequence[OpenPart], progress: Progress) -> None:
    """A blob in pieces was wrong: find which piece, so that one medium has to be written again, not all."""
    pieces = [
        (Descriptor(media_type="", digest=piece.digest, size=piece.size), each.carrier.blobs[piece.digest])
        for each in parts
        for piece in each.part.pieces
    ]
    hash_blobs(pieces, progress)
