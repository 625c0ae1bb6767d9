"""Installs a bundle into a store, and the stack's own files beside it: all of it, or nothing that anybody can see.

Order: documents; what is there already, hashed; room; blobs, hashed while they are copied into a quarantine
(`.incoming` in the store) that no reader of a store looks into. Only when no blob is left to verify is anything given
its name: blobs, then the index, then the files, then the record of what is installed. A run that was cut off is
continued by the next one, from the very byte; a bundle that turns out to be wrong leaves nothing behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from trivet.bundle.documents import INDEX_FILE, BundleIndex
from trivet.bundle.draft import INCOMING, alone, remove, remove_strays, sync, write_stream, write_whole
from trivet.bundle.evidence import evidence
from trivet.bundle.extent import Extent
from trivet.bundle.files import files_of, is_settings, mode_of
from trivet.bundle.hashing import file_digest, hash_blobs
from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor
from trivet.bundle.pinned import Pinned
from trivet.bundle.progress import SILENT, Progress
from trivet.bundle.refusals import MissingFileError
from trivet.bundle.transfer import Copy, Done, copy_blobs, require_space
from trivet.bundle.trust import TrustedBundle
from trivet.bundle.verify import OpenBundle, open_bundle, require_base
from trivet.errors import HostError, IntegrityError
from trivet.spec.digest import sha256_digest

INSTALLED: Final = "installed"  # in the store: the index installed last, its signatures, the evidence
EVIDENCE: Final = "evidence"


@dataclass(frozen=True)
class Target:
    """Where a bundle goes.

    Attributes:
        store: the OCI image layout for its blobs; other entries in it stay.
        project: the directory for the stack's own files; None leaves them in the store.
        replace: write over files that were changed there.
    """

    store: Path
    project: Path | None = None
    replace: bool = False


@dataclass(frozen=True)
class Installed:
    """What an installation came to, or would.

    Attributes:
        trusted: the bundle.
        done: bytes copied, and bytes found in place and verified.
        files: the stack's own files, by path.
        evidence: the record of it; None after a dry run.
    """

    trusted: TrustedBundle
    done: Done
    files: tuple[str, ...]
    evidence: Path | None


def install_bundle(
    source: Path,
    target: Target,
    pinned: Pinned | None,
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Installed:
    """Install a bundle, or an update to the one that is installed.

    Args:
        source: the bundle's directory or tar.
        target: where it goes.
        pinned: the keys that count; None takes unsigned bundles, and the evidence says so.
        now: the time.
        dry_run: verify everything and write nothing.
        progress: hears of the bytes.

    Raises:
        IntegrityError: the bundle or, for an update, what is installed is not sound; nothing is changed.
        HostError: no room, another installation at work, or files that were changed by hand; nothing is changed.
    """
    bundle = open_bundle(source, pinned, now=now)
    _require_store(target.store)
    files = _project_files(bundle.trusted, target)
    present, absent = _look(bundle, target.store)
    kept = sum(blob.size for blob in present)
    absent += _verify_present(bundle, present, target.store, progress)
    size = sum(blob.size for blob in absent)
    require_space(target.store, size - _used(target.store / INCOMING))
    progress.begin("verify" if dry_run else "install", size)
    if dry_run:
        hash_blobs([(blob, bundle.carrier.blobs[blob.digest]) for blob in absent], progress, bundle.trusted.admit_blob)
        progress.end()
        return Installed(bundle.trusted, Done(copied=size, kept=kept), tuple(files), None)
    with _quarantine(target.store, {_hex(blob.digest) for blob in absent}) as folder:
        copies = [Copy(blob, bundle.carrier.blobs[blob.digest], folder / _hex(blob.digest)) for blob in absent]
        done = copy_blobs(copies, progress, bundle.trusted.admit_blob)
        if not bundle.trusted.complete:
            raise RuntimeError("every blob was verified, yet the bundle is not complete")
        record = _publish(bundle, copies, files, target, now)
    progress.end()
    return Installed(bundle.trusted, Done(done.copied, done.kept + kept), tuple(files), record)


def installed_index(store: Path) -> str:
    """Digest of the index that was installed last; empty before the first time."""
    path = store / INSTALLED / INDEX_FILE
    return sha256_digest(path.read_bytes()) if path.exists() else ""


def _require_store(store: Path) -> None:
    if (
        store.exists()
        and any(store.iterdir())
        and not any((store / name).exists() for name in ("oci-layout", INCOMING))
    ):
        raise HostError(
            where=str(store),
            value="a directory with other things in it",
            rule="a store is an OCI image layout, or an empty directory, or yet to be made",
            remedy="name another directory",
        )


def _look(bundle: OpenBundle, store: Path) -> tuple[list[Descriptor], list[Descriptor]]:
    """Which blobs the store seems to have, and which it lacks; a delta's base must have been installed."""
    trusted = bundle.trusted
    present: list[Descriptor] = []
    absent: list[Descriptor] = []
    for blob in trusted.blobs.values():
        path = _path(store, blob.digest)
        there = path.is_file() and path.stat().st_size == blob.size
        (present if there else absent).append(blob)
    before = installed_index(store)
    if trusted.delta and before != trusted.digest:
        require_base(trusted, before, str(store))
    for blob in absent:
        _require_source(bundle, blob, store, "it is missing")
    return present, absent


def _verify_present(bundle: OpenBundle, present: list[Descriptor], store: Path, progress: Progress) -> list[Descriptor]:
    """Hash what is there; return what is damaged and has to be copied again."""
    damaged: list[str] = []

    def admit(promised: str, found: str, at: str) -> None:
        if found == promised:
            bundle.trusted.admit_blob(promised, found, at)
        else:
            damaged.append(promised)

    progress.begin("verify what is there", sum(blob.size for blob in present))
    hash_blobs([(blob, (Extent(_path(store, blob.digest), 0, blob.size),)) for blob in present], progress, admit)
    again = [blob for blob in present if blob.digest in damaged]
    for blob in again:
        _require_source(bundle, blob, store, "it is damaged")
    return again


def _require_source(bundle: OpenBundle, blob: Descriptor, store: Path, why: str) -> None:
    if blob.digest not in bundle.carrier.blobs:
        raise MissingFileError(
            where=str(_path(store, blob.digest)),
            value=why,
            rule="an update finds the blobs of its base whole",
            remedy="install the whole bundle instead of the delta",
        )


def _project_files(trusted: TrustedBundle, target: Target) -> Mapping[str, Descriptor]:
    """The stack's own files, none of which may write over what somebody changed."""
    if target.project is None:
        return {}
    files = _files(trusted)
    before = _files_before(target.store)
    for path, blob in files.items():
        there = target.project / path
        known = {blob.digest, before[path].digest if path in before else ""}
        if there.exists() and not is_settings(blob) and not target.replace and file_digest(there) not in known:
            raise HostError(
                where=str(there),
                value="it was changed here, and the bundle brings another one",
                rule="an installation keeps what people wrote",
                remedy="move it away, or pass --replace",
            )
    return {path: blob for path, blob in files.items() if not (is_settings(blob) and (target.project / path).exists())}


def _files(trusted: TrustedBundle) -> dict[str, Descriptor]:
    return {path: blob for manifest in trusted.names.values() for path, blob in files_of(manifest).items()}


def _files_before(store: Path) -> dict[str, Descriptor]:
    path = store / INSTALLED / INDEX_FILE
    if not path.exists():
        return {}
    layout = Layout(store)
    index = BundleIndex.parse(path.read_bytes(), str(path))
    return {path: blob for entry in index.manifests for path, blob in files_of(layout.manifest(entry)).items()}


@contextmanager
def _quarantine(store: Path, wanted: set[str]) -> Iterator[Path]:
    """Where blobs wait until all of them are verified; kept when cut off, gone when a blob is wrong."""
    folder = store / INCOMING
    made = [each for each in (store, *store.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        remove_strays(folder, wanted)
        try:
            yield folder
        except IntegrityError:
            remove(folder)
            for directory in made:
                directory.rmdir()
            raise
        remove(folder)


def _publish(
    bundle: OpenBundle, copies: list[Copy], files: Mapping[str, Descriptor], target: Target, now: datetime
) -> Path:
    """Give everything its name; return the path of the evidence."""
    layout = Layout.create(target.store)
    for copy in copies:
        os.utime(copy.target)  # young enough for `Layout.sweep` to leave it alone until it is in the index
        copy.target.replace(layout.path(copy.blob))
    sync(_path(target.store, "").parent)
    layout.enter(bundle.trusted.index.manifests)
    for path, blob in files.items():
        file = (target.project or target.store) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        write_stream(file, layout.stream(blob), mode_of(blob))
    return _record(bundle, target.store / INSTALLED, now)


def _record(bundle: OpenBundle, folder: Path, now: datetime) -> Path:
    trusted, carrier = bundle.trusted, bundle.carrier
    signatures = carrier.signatures(INDEX_FILE)
    (folder / EVIDENCE).mkdir(parents=True, exist_ok=True)
    record = folder / EVIDENCE / f"{now:%Y%m%dT%H%M%SZ}-{_hex(trusted.digest)[:12]}.json"
    write_whole(record, evidence(trusted, act="install", now=now))
    for stray in [each for each in folder.iterdir() if each.is_file() and each.name not in {INDEX_FILE, *signatures}]:
        stray.unlink()
    for name, data in signatures.items():
        write_whole(folder / name, data)
    write_whole(folder / INDEX_FILE, carrier.read(INDEX_FILE))
    return record


def _used(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.iterdir()) if folder.is_dir() else 0


def _path(store: Path, digest: str) -> Path:
    return store / "blobs" / "sha256" / _hex(digest)


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
