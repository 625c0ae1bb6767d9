"""What is in a bundle, and what an update to it would move. Reads documents only, and believes nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trivet.bundle.carrier import Carrier, open_carrier
from trivet.bundle.documents import INDEX_FILE, PART_FILE, SIGNED, BundleIndex, Part
from trivet.bundle.oci import Descriptor
from trivet.bundle.parts import believe_part
from trivet.bundle.pinned import parse_signatures
from trivet.bundle.refusals import MissingFileError
from trivet.bundle.sbom.names import sbom_name
from trivet.bundle.trust import TrustedBundle, require_digest
from trivet.bundle.verify import believe, read_document
from trivet.spec.digest import sha256_digest


@dataclass(frozen=True)
class Entry:
    """An image, a model or files: its manifest, and what it consists of."""

    name: str
    digest: str
    media_type: str
    size: int
    blobs: int


@dataclass(frozen=True)
class Inspection:
    """A bundle, an update or a part, as its documents describe it.

    Attributes:
        digest: of the index.
        annotations: of the index: stack, lock, dates.
        entries: what is in it; empty for a part, which has only some of the manifests.
        signatures: key ids by document, not checked.
        base: the index that an update was made for.
        part: number and count, for a part.
        carried: bytes of the blobs that lie here.
        size: bytes of all its blobs; those of a part's bundle are not known.
    """

    digest: str
    annotations: Mapping[str, str]
    entries: tuple[Entry, ...]
    signatures: Mapping[str, tuple[str, ...]]
    base: str | None
    part: tuple[int, int] | None
    carried: int
    size: int | None


@dataclass(frozen=True)
class Difference:
    """What changes from one bundle to another.

    Attributes:
        added, removed, changed: names of entries.
        transfer: the blobs that the first lacks.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    transfer: tuple[Descriptor, ...]


def inspect_bundle(where: Path) -> Inspection:
    """Read a bundle's documents. Nothing is verified but that they are whole and fit together.

    Raises:
        IntegrityError: they do not.
    """
    carrier = open_carrier(where)
    carried = sum(carrier.sizes.values())
    if carrier.has(PART_FILE):
        part = believe_part(carrier, None).part
        return _inspection(carrier, None, part, carried)
    return _inspection(carrier, believe(carrier, None, now=None), None, carried)


def compare_bundles(before: Path, after: Path) -> Difference:
    """Compare two bundles by their manifests.

    Raises:
        IntegrityError: the documents of one are not whole, or do not fit together.
    """
    old, new = (believe(open_carrier(where), None, now=None) for where in (before, after))
    olds, news = ({entry.ref: entry.digest for entry in each.index.manifests} for each in (old, new))
    return Difference(
        added=tuple(sorted(news.keys() - olds.keys())),
        removed=tuple(sorted(olds.keys() - news.keys())),
        changed=tuple(sorted(name for name in news.keys() & olds.keys() if news[name] != olds[name])),
        transfer=tuple(blob for digest, blob in sorted(new.blobs.items()) if digest not in old.blobs),
    )


def read_sbom(where: Path, name: str) -> bytes:
    """The bill of materials of an entry, such as `image/llama`: a CycloneDX document. Its digest is checked.

    Raises:
        IntegrityError: the bundle's documents are not whole, or it has no such bill.
    """
    carrier = open_carrier(where)
    trusted = believe(carrier, None, now=None)
    manifest = trusted.names.get(sbom_name(name))
    if manifest is None or len(manifest.layers) != 1:
        known = sorted(entry.ref for entry in trusted.index.manifests if sbom_name(entry.ref) in trusted.names)
        raise MissingFileError(
            where=str(where),
            value=f"no bill of materials for {name}",
            rule=f"it has those of {', '.join(known) or 'nothing'}",
            remedy="name one of them",
        )
    (layer,) = manifest.layers
    place = trusted.place(layer.digest)
    data = read_document(carrier.blobs, layer, place)
    require_digest(sha256_digest(data), layer.digest, place)
    return data


def _inspection(carrier: Carrier, trusted: TrustedBundle | None, part: Part | None, carried: int) -> Inspection:
    documents = [name for name in SIGNED if carrier.has(name)]
    index = BundleIndex.parse(carrier.read(INDEX_FILE), f"{carrier.where}/{INDEX_FILE}")
    return Inspection(
        digest=sha256_digest(carrier.read(INDEX_FILE)),
        annotations=index.annotations,
        entries=tuple(_entry(trusted, entry) for entry in index.manifests) if trusted else (),
        signatures={
            name: tuple(
                each.key_id for each in parse_signatures(name, carrier.signatures(name), f"{carrier.where}/{name}")
            )
            for name in documents
        },
        base=trusted.delta.base if trusted and trusted.delta else None,
        part=(part.number, part.of) if part else None,
        carried=carried,
        size=sum(blob.size for blob in trusted.blobs.values()) if trusted else None,
    )


def _entry(trusted: TrustedBundle, entry: Descriptor) -> Entry:
    blobs = {blob.digest: blob.size for blob in trusted.names[entry.ref].blobs}
    return Entry(
        name=entry.ref,
        digest=entry.digest,
        media_type=entry.artifact_type or entry.media_type,
        size=entry.size + sum(blobs.values()),
        blobs=len(blobs),
    )
