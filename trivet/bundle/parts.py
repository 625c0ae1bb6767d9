"""The rules by which parts make a bundle, without I/O.

1. Each part's list (`part.json`) is signed as an index is, by keys that were pinned beforehand.
2. It was made for the index, and for the delta if there is one, that lie beside it, signed as they must be.
3. What it lists is there, with its length, and nothing besides. So each part can be verified alone, wherever it is.
4. All parts are of one bundle and say the same number of parts; each number is there once.
5. Each blob is there once: whole, or in pieces that follow one another from its first byte without gap or overlap.

Whether the blobs are those of the index is then asked of the whole, by the rules of `trust`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from trivet.bundle.carrier import Carrier
from trivet.bundle.documents import DELTA_FILE, INDEX_FILE, INSTALLER_FILE, PART_FILE, Part, Piece
from trivet.bundle.extent import Blobs, Extents
from trivet.bundle.pinned import Pinned, parse_signatures
from trivet.bundle.refusals import MissingFileError, PartError, UnexpectedFileError
from trivet.bundle.trust import require_length
from trivet.spec.digest import sha256_digest


@dataclass(frozen=True)
class OpenPart:
    """A part whose list is believed."""

    part: Part
    carrier: Carrier


def believe_part(carrier: Carrier, pinned: Pinned | None) -> OpenPart:
    """Hold one part against rules 1 to 3.

    Raises:
        SignatureError, UnsignedError, ThresholdError: a document is not signed as it must be.
        PartError: it was made for another index or delta.
        MissingFileError, LengthError, UnexpectedFileError: naming the file.
    """
    part = Part.parse(_signed(carrier, PART_FILE, pinned), f"{carrier.where}/{PART_FILE}")
    for name, promised in ((INDEX_FILE, part.index), (DELTA_FILE, part.delta)):
        found = sha256_digest(_signed(carrier, name, pinned)) if carrier.has(name) or promised else None
        if found != promised:
            raise _odd(f"{carrier.where}/{name}", str(found), f"part {part.number} was made for {promised}")
    if carrier.has(INSTALLER_FILE):
        _signed(carrier, INSTALLER_FILE, pinned)
    _require_files(carrier, part)
    carrier.require_marker()
    return OpenPart(part, carrier)


def assemble(parts: Sequence[OpenPart], where: Path) -> Carrier:
    """The bundle that parts make, as if it lay at `where` (rules 4 and 5).

    Raises:
        PartError: a part is missing, stands twice or is of another bundle; or pieces do not fit together.
    """
    first, *others = sorted(parts, key=lambda each: each.part.number)
    for other in others:
        same = (other.part.index, other.part.delta, other.part.of) == (
            first.part.index,
            first.part.delta,
            first.part.of,
        )
        if not same:
            raise _odd(str(other.carrier.where), f"part of {other.part.index}", f"the bundle is {first.part.index}")
    numbers = [each.part.number for each in (first, *others)]
    wanted = range(1, first.part.of + 1)
    for number in wanted:
        if numbers.count(number) != 1:
            raise _odd(
                str(where),
                f"part {number} is there {numbers.count(number)} times",
                f"parts 1 to {len(wanted)}, each once",
            )
    if len(numbers) != len(wanted):
        raise _odd(str(where), f"a part {numbers[-1]}", f"the bundle has {len(wanted)} parts")
    documents = {name: extent for name, extent in first.carrier.documents.items() if not name.startswith(PART_FILE)}
    return Carrier(where, documents, _blobs((first, *others)))


def _signed(carrier: Carrier, document: str, pinned: Pinned | None) -> bytes:
    """A document's bytes, held against its signatures."""
    place = f"{carrier.where}/{document}"
    data, signatures = carrier.read(document), carrier.signatures(document)
    if pinned is None:
        parse_signatures(document, signatures, place)
    else:
        pinned.check(document, data, signatures, place)
    return data


def _blobs(parts: Sequence[OpenPart]) -> Blobs:
    blobs: dict[str, Extents] = {}
    for each in parts:
        for blob in each.part.blobs:
            if blob.digest in blobs:
                raise _odd(str(each.carrier.where), f"{blob.digest} again", "each blob is in one part")
            blobs[blob.digest] = each.carrier.blobs[blob.digest]
    pieces = [(piece, each.carrier) for each in parts for piece in each.part.pieces]
    pieces.sort(key=lambda pair: (pair[0].blob, pair[0].offset))
    for digest, run in groupby(pieces, key=lambda pair: pair[0].blob):
        if digest in blobs:
            raise _odd("", f"{digest}, whole and in pieces", "a blob is in one part, or in pieces")
        blobs[digest] = _follow(list(run))
    return blobs


def _follow(run: list[tuple[Piece, Carrier]]) -> Extents:
    position = 0
    extents: Extents = ()
    for piece, carrier in run:
        if piece.offset != position:
            raise _odd(str(carrier.where), f"a piece from byte {piece.offset}", f"the next piece begins at {position}")
        position += piece.size
        extents += carrier.blobs[piece.digest]
    return extents


def _require_files(carrier: Carrier, part: Part) -> None:
    files, sizes = part.files, carrier.sizes
    for digest, size in sorted(files.items()):
        place = f"{carrier.where}/blobs/{digest.replace(':', '/')}"
        if digest not in sizes:
            raise MissingFileError(
                where=place, value="no such file", rule="a part holds what its list names", remedy="copy the part again"
            )
        require_length(sizes[digest], size, place)
    for digest in sorted(sizes.keys() - files.keys()):
        raise UnexpectedFileError(
            where=f"{carrier.where}/blobs/{digest.replace(':', '/')}",
            value="a file that the part's list does not name",
            rule="a part holds what its list names and nothing else",
            remedy="remove it, if you know how it came there",
        )


def _odd(where: str, value: str, rule: str) -> PartError:
    return PartError(where=where, value=value, rule=rule, remedy="name every part of one bundle, each once")
