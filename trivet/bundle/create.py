"""Makes a bundle of what a lock names: the same lock gives the same bytes, wherever and by whomever it is made.

Nothing is signed that would be refused: what is written is held against the very rules of `trust` first, and every
blob is hashed on its way out of the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trivet.bundle.carrier import MARKER_FILE, Carrier, open_carrier
from trivet.bundle.delta import make_delta
from trivet.bundle.documents import (
    DELTA_FILE,
    INDEX_FILE,
    INSTALLER,
    INSTALLER_FILE,
    SIGNED,
    BundleIndex,
    empty_index,
    index_annotations,
)
from trivet.bundle.draft import draft, write_bundle
from trivet.bundle.extent import Blobs, Extent, Extents, in_memory
from trivet.bundle.images import image_ref
from trivet.bundle.installer import render_installer
from trivet.bundle.layout import MARKER, Layout
from trivet.bundle.minisig import Signer, signature_name
from trivet.bundle.oci import Descriptor
from trivet.bundle.packed import Packed, pack_stack
from trivet.bundle.progress import SILENT, Progress
from trivet.bundle.transfer import Done, require_space
from trivet.bundle.trust import TrustedBundle
from trivet.bundle.verify import believe, open_bundle, verify_bundle
from trivet.errors import HostError, LockError
from trivet.spec import Lock
from trivet.spec.digest import sha256_digest


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle.

    Attributes:
        stack: the stack's name.
        lock: what it runs, by digest.
        files: the stack's own files, by relative path.
        packed: what else is made of them: the chart, the GitOps trees.
        created: the date that the index bears, from `SOURCE_DATE_EPOCH`; None bears none.
        expires: from when on it is refused; None: never.
    """

    stack: str
    lock: Lock
    files: Mapping[str, bytes]
    packed: tuple[Packed, ...] = ()
    created: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True)
class Created:
    """A bundle that was made, or would be.

    Attributes:
        trusted: what its readers will know of it.
        out: where it lies.
        size: bytes of the blobs that travel in it.
        done: what was copied, and what was there.
    """

    trusted: TrustedBundle
    out: Path
    size: int
    done: Done


def create_bundle(
    store: Layout,
    contents: Contents,
    out: Path,
    signers: Sequence[Signer] = (),
    *,
    since: Path | None = None,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Created:
    """Make a bundle, or the delta to it from another one.

    Args:
        store: holds the images and models.
        contents: what goes in.
        out: its directory, or a file that ends in `.tar`; it appears when it is whole.
        signers: who signs it.
        since: a bundle whose blobs stay behind.
        dry_run: decide everything, write nothing.
        progress: hears of the bytes.

    Raises:
        LockError: the store does not hold what the lock names.
        IntegrityError: the store or the base is damaged; nothing is left behind.
        HostError: no room, or `out` is something else.
    """
    entries, sources = _collect(store, contents)
    installer = _installer(store, contents.lock)
    documents = {**installer, MARKER_FILE: MARKER}
    documents[INDEX_FILE] = _index(contents, entries, installer.get(INSTALLER_FILE)).dump()
    trusted = _held_against_the_rules(out, documents, sources)
    if since:
        base = open_bundle(since, None, now=None).trusted
        delta = make_delta(trusted, base)
        documents[DELTA_FILE] = delta.dump()
        sources = {digest: sources[digest] for digest in delta.carries}
        trusted = _held_against_the_rules(out, documents, sources)
    documents |= sign_documents(documents, signers)
    blobs = [(blob, sources[digest]) for digest, blob in sorted(trusted.carried.items())]
    size = sum(blob.size for blob, _ in blobs)
    if out.exists():
        _require_same(out, documents)
        verify_bundle(out, None, now=None, progress=progress)
        return Created(trusted, out, size, Done(copied=0, kept=size))
    require_space(out, size)
    if dry_run:
        return Created(trusted, out, size, Done(copied=0, kept=0))
    with draft(out) as path:
        progress.begin("create", size)
        done = write_bundle(path, dict(sorted(documents.items())), blobs, progress)
        progress.end()
    return Created(trusted, out, size, done)


def sign_documents(documents: Mapping[str, bytes], signers: Sequence[Signer]) -> dict[str, bytes]:
    """The signature files for those of the documents that are signed, by name."""
    return {
        signature_name(name, signer.public.id): signer.sign(data, f"trivet {name} {sha256_digest(data)}")
        for name, data in documents.items()
        if name in SIGNED
        for signer in signers
    }


def _collect(store: Layout, contents: Contents) -> tuple[list[Descriptor], dict[str, Extents]]:
    """The index entries, and where the bytes of every blob are."""
    lock = contents.lock
    pinned = {image_ref(name): image.manifest for name, image in lock.images.items()}
    pinned |= {f"model/{name}": model.manifest for name, model in lock.models.items()}
    pinned |= {name: artifact.manifest for name, artifact in lock.artifacts.items()}
    entries, sources = [], {}
    for name, digest in pinned.items():
        entry = store.find(name)
        if entry is None or entry.digest != digest:
            raise LockError(
                where=str(store.root),
                value=f"{name} is {entry.digest if entry else 'missing'}",
                rule=f"the store holds what the lock names, {digest}",
                remedy="run `trivet build` (with --host, if it is for bare hosts), then try again",
            )
        entries.append(entry)
        for blob in (entry, *store.manifest(entry).blobs):
            sources[blob.digest] = (Extent(store.path(blob), 0, blob.size),)
            store.open(blob).close()
    # nobody else waits for CycloneDX's classes
    from trivet.bundle.sbom.attach import attach_packed, attach_sboms  # noqa: PLC0415

    packed = (pack_stack(contents.stack, contents.files), *contents.packed)
    sboms, documents = attach_sboms(store, entries, contents.created)
    more, small = attach_packed(packed, contents.created)
    for each in packed:
        small |= each.blobs
    made = {digest: in_memory(data, digest) for digest, data in (documents | small).items()}
    return [*entries, *(each.entry for each in packed), *sboms, *more], sources | made


def _installer(store: Layout, lock: Lock) -> dict[str, bytes]:
    """The script that stands at the root of a bundle for bare hosts; none in another one."""
    found = {name: store.find(name) for name in lock.artifacts}
    manifests = {name: store.manifest(entry) for name, entry in found.items() if entry}
    return {INSTALLER_FILE: render_installer(manifests)} if manifests else {}


def _index(contents: Contents, entries: Sequence[Descriptor], installer: bytes | None) -> BundleIndex:
    annotations = index_annotations(contents.stack, contents.lock.digest, contents.created, contents.expires)
    if installer:
        annotations[INSTALLER] = sha256_digest(installer)
    index = empty_index(annotations)
    return index.model_copy(update={"manifests": tuple(sorted(entries, key=lambda entry: entry.ref))})


def _held_against_the_rules(out: Path, documents: Mapping[str, bytes], sources: Blobs) -> TrustedBundle:
    """What a reader will believe of these documents: signatures and dates aside, everything."""
    extents = {name: in_memory(data, f"{out}/{name}")[0] for name, data in documents.items()}
    return believe(Carrier(out, extents, sources), None, now=None)


def _require_same(out: Path, documents: Mapping[str, bytes]) -> None:
    carrier = open_carrier(out)
    for name, data in documents.items():
        if not carrier.has(name) or carrier.read(name) != data:
            raise HostError(
                where=f"{out}/{name}",
                value="another bundle, or one with other signatures",
                rule="a bundle that exists is never written over",
                remedy="name another place, or remove this one; `trivet bundle sign` adds a signature",
            )
