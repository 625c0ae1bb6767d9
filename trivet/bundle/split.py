"""Splits a bundle for media. Each part bears the bundle's documents and a signed list of its own: it verifies alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trivet.bundle.carrier import open_carrier
from trivet.bundle.create import sign_documents
from trivet.bundle.documents import PART_FILE, Carried, Part, Piece
from trivet.bundle.draft import draft, remove_strays, write_bundle
from trivet.bundle.extent import Blobs, Extents, cut
from trivet.bundle.hashing import digests, hash_blobs
from trivet.bundle.minisig import SIGNATURE_LIMIT, Signer
from trivet.bundle.oci import Descriptor
from trivet.bundle.parts import OpenPart, believe_part
from trivet.bundle.pinned import Pinned
from trivet.bundle.plan import Run, cost, plan_parts
from trivet.bundle.progress import SILENT, Progress
from trivet.bundle.transfer import Done, require_space
from trivet.bundle.verify import OpenBundle, open_bundle

_LINE = 512  # bytes that one blob takes in a part's list, at most


@dataclass(frozen=True)
class Splitted:
    """Parts that were made, or would be: what each carries."""

    parts: tuple[tuple[Run, ...], ...]
    done: Done


def split_bundle(
    source: Path,
    out: Path,
    medium: int,
    signers: Sequence[Signer],
    pinned: Pinned | None,
    *,
    now: datetime | None,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Splitted:
    """Split a bundle or a delta into directories `out/part-N-of-M`, each for one medium.

    Args:
        source: the bundle; every byte of it is verified before a part's list is signed.
        out: where the parts go; it appears when all of them are whole.
        medium: bytes of one medium.
        signers: who signs the parts' lists.
        pinned: the keys whose signatures the bundle must bear; None takes an unsigned one.
        now: the time; None lets dates not count.
        dry_run: only say how many parts there would be.
        progress: hears of the bytes.

    Raises:
        IntegrityError: the bundle is not sound; nothing is left behind.
        HostError: no room, or `out` exists.
        MediumSizeError: the medium is too small.
    """
    bundle = open_bundle(source, pinned, now=now)
    carried = bundle.trusted.carried
    documents = {name: bundle.carrier.read(name) for name in bundle.carrier.documents}
    overhead = sum(cost(len(data)) for data in documents.values()) + cost(len(carried) * _LINE)
    overhead += len(signers) * cost(SIGNATURE_LIMIT)
    parts = plan_parts(carried.values(), medium, overhead)
    size = sum(blob.size for blob in carried.values())
    require_space(out, size + len(parts) * overhead)
    if dry_run:
        return Splitted(parts, Done(copied=0, kept=0))
    done = Done(copied=0, kept=0)
    with draft(out) as folder:
        names = [part_name(number, len(parts)) for number in range(1, len(parts) + 1)]
        remove_strays(folder, names)
        hashed = _digests(parts, bundle.carrier.blobs, progress)
        progress.begin("split", size)
        for number, (name, runs) in enumerate(zip(names, parts, strict=True), 1):
            part = _part(bundle, number, len(parts), runs, hashed)
            listed = {**documents, PART_FILE: part.dump()}
            listed |= sign_documents({PART_FILE: listed[PART_FILE]}, signers)
            path = folder / name
            path.mkdir(exist_ok=True)
            sources = [(_file(run, hashed), _extents(run, bundle.carrier.blobs)) for run in runs]
            here = write_bundle(path, listed, sources, progress)
            done = Done(done.copied + here.copied, done.kept + here.kept)
        progress.end()
    return Splitted(parts, done)


def verify_part(where: Path, pinned: Pinned | None, *, progress: Progress = SILENT) -> OpenPart:
    """Verify one part, down to its last byte, without the others.

    Raises:
        IntegrityError: it is not sound.
    """
    opened = believe_part(open_carrier(where), pinned)
    blobs = [
        (Descriptor(media_type="", digest=digest, size=size), opened.carrier.blobs[digest])
        for digest, size in opened.part.files.items()
    ]
    progress.begin("verify", sum(blob.size for blob, _ in blobs))
    hash_blobs(blobs, progress)
    progress.end()
    return opened


def part_name(number: int, of: int) -> str:
    """The directory of a part."""
    width = len(str(of))
    return f"part-{number:0{width}}-of-{of}"


def _digests(parts: Sequence[Sequence[Run]], blobs: Blobs, progress: Progress) -> Mapping[tuple[str, int], str]:
    """The digest of each piece, of blobs that are verified first; those that stay whole are when they are copied."""
    pieces = [run for runs in parts for run in runs if not run.whole]
    cut_up = {run.blob.digest: run.blob for run in pieces}
    progress.begin("hash pieces", 2 * sum(run.size for run in pieces))
    hash_blobs([(blob, blobs[digest]) for digest, blob in cut_up.items()], progress)
    found = digests([_extents(run, blobs) for run in pieces], progress)
    return {run.key: digest for run, digest in zip(pieces, found, strict=True)}


def _part(bundle: OpenBundle, number: int, of: int, runs: Sequence[Run], hashed: Mapping[tuple[str, int], str]) -> Part:
    whole = sorted((run.blob.digest, run.size) for run in runs if run.whole)
    pieces = sorted((run.blob.digest, run.offset, run.size, hashed[run.key]) for run in runs if not run.whole)
    return Part(
        schema_version=1,
        media_type="application/vnd.trivet.bundle.part.v1+json",
        index=bundle.trusted.digest,
        delta=bundle.trusted.delta_digest,
        number=number,
        of=of,
        blobs=tuple(Carried(digest=digest, size=size) for digest, size in whole),
        pieces=tuple(
            Piece(digest=digest, size=size, blob=blob, offset=offset) for blob, offset, size, digest in pieces
        ),
    )


def _file(run: Run, hashed: Mapping[tuple[str, int], str]) -> Descriptor:
    digest = run.blob.digest if run.whole else hashed[run.key]
    return Descriptor(media_type=run.blob.media_type, digest=digest, size=run.size)


def _extents(run: Run, blobs: Blobs) -> Extents:
    return cut(blobs[run.blob.digest], run.offset, run.size)
