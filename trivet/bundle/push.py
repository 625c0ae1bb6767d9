"""Fills a registry from a bundle: skips what is there, mounts what another repository has, sends manifests last."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event, Lock
from typing import Final
from urllib.parse import urlsplit

import httpx

from trivet.bundle.extent import read_extents
from trivet.bundle.hashing import run_all
from trivet.bundle.oci import Descriptor
from trivet.bundle.packed import VERSION
from trivet.bundle.pinned import Pinned
from trivet.bundle.progress import SILENT, Progress
from trivet.bundle.referrers import list_referrer
from trivet.bundle.refusals import BaseError
from trivet.bundle.registry import TIMEOUT, Registry, RegistryError
from trivet.bundle.registry_auth import RegistryAuth, read_credentials
from trivet.bundle.trust import TrustedBundle
from trivet.bundle.verify import OpenBundle, verify_bundle

CONNECTIONS: Final = 4
TAG_LENGTH: Final = 12  # hexadecimal digits of the manifest's digest, as in the names of local images
_REPOSITORY: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")


@dataclass(frozen=True)
class Destination:
    """A registry and the path below which the repositories lie."""

    url: str
    host: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Read `https://HOST[:PORT]/PREFIX`; http only for this machine itself.

        Raises:
            RegistryError: it is written otherwise.
        """
        url = urlsplit(text)
        prefix = url.path.strip("/")
        plain = url.scheme == "http" and _is_loopback(url.hostname or "")
        if (
            not (url.scheme == "https" or plain)
            or not url.hostname
            or url.username
            or not _REPOSITORY.fullmatch(prefix)
        ):
            raise RegistryError(
                value=url._replace(netloc=url.netloc.rpartition("@")[2]).geturl(),
                rule="a registry is https://HOST/PREFIX (http for a loopback address only), the prefix in lower case",
                remedy="write it so; credentials come from a file (--credentials)",
            )
        return cls(f"{url.scheme}://{url.netloc}", url.netloc, prefix)

    def repository(self, name: str) -> str:
        """The repository of an index entry.

        Raises:
            RegistryError: the name cannot be one.
        """
        path = f"{self.prefix}/{name}"
        if not _REPOSITORY.fullmatch(path):
            raise RegistryError(
                value=path, rule="a repository's path is in lower case, without doubled separators", remedy="rename it"
            )
        return path


@dataclass(frozen=True)
class Pushed:
    """What a push came to, or would.

    Attributes:
        trusted: the bundle.
        references: where each entry is now, by its name: `HOST/PREFIX/NAME@sha256:…`.
        uploaded: bytes that were sent (in a dry run: at most).
        mounted: blobs that were taken over from another repository.
        skipped: blobs and manifests that were there.
    """

    trusted: TrustedBundle
    references: Mapping[str, str]
    uploaded: int
    mounted: int
    skipped: int


def push_bundle(
    source: Path,
    destination: Destination,
    pinned: Pinned | None,
    *,
    now: datetime,
    credentials: Path | None = None,
    dry_run: bool = False,
    progress: Progress = SILENT,
) -> Pushed:
    """Verify a bundle, then bring everything in it into a registry.

    Args:
        source: the bundle; for a delta, its base must have been pushed before.
        destination: the registry.
        pinned: the keys that count; None takes unsigned bundles.
        now: the time.
        credentials: a file as `docker login` writes it.
        dry_run: verify the bundle and say what would be sent; the registry is not asked.
        progress: hears of the bytes.

    Raises:
        IntegrityError: the bundle is not sound; nothing is sent.
        RegistryError: the registry cannot be reached or refuses.
    """
    bundle = verify_bundle(source, pinned, now=now, progress=progress)
    plan = _plan(bundle, destination)
    if dry_run:
        uploaded = sum(blob.size for blob in plan.blobs if blob.digest in bundle.carrier.blobs)
        return Pushed(bundle.trusted, plan.references, uploaded, mounted=0, skipped=0)
    known = read_credentials(credentials, destination.host) if credentials else None
    auth = RegistryAuth(destination.host, known)
    with httpx.Client(base_url=destination.url, auth=auth, timeout=TIMEOUT) as client:
        tally = _fill(bundle, plan, Registry(client), progress)
    return Pushed(bundle.trusted, plan.references, tally.uploaded, tally.mounted, tally.skipped)


@dataclass(frozen=True)
class _Plan:
    entries: Sequence[tuple[str, Descriptor]]  # repository and manifest; what another one names comes before it
    repositories: Mapping[str, tuple[str, ...]]  # blob → where it belongs
    blobs: Sequence[Descriptor]
    references: Mapping[str, str]


@dataclass
class _Tally:
    uploaded: int = 0
    mounted: int = 0
    skipped: int = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, *, uploaded: int = 0, mounted: int = 0, skipped: int = 0) -> None:
        with self.lock:
            self.uploaded += uploaded
            self.mounted += mounted
            self.skipped += skipped


def _plan(bundle: OpenBundle, destination: Destination) -> _Plan:
    trusted = bundle.trusted
    ordered = sorted(trusted.index.manifests, key=lambda entry: trusted.names[entry.ref].subject is not None)
    entries = [(destination.repository(_home(trusted, entry)), entry) for entry in ordered]
    repositories: dict[str, tuple[str, ...]] = {}
    for repository, entry in entries:
        for blob in {blob.digest for blob in trusted.names[entry.ref].blobs}:
            repositories[blob] = tuple(dict.fromkeys((*repositories.get(blob, ()), repository)))
    blobs = sorted((trusted.blobs[digest] for digest in repositories), key=lambda blob: (-blob.size, blob.digest))
    references = {entry.ref: f"{destination.host}/{repository}@{entry.digest}" for repository, entry in entries}
    return _Plan(entries, repositories, blobs, references)


def _home(trusted: TrustedBundle, entry: Descriptor) -> str:
    """Whose repository a manifest belongs in: its own, or that of the manifest that it is about."""
    subject = trusted.names[entry.ref].subject
    return next((each.ref for each in trusted.index.manifests if subject and each.digest == subject.digest), entry.ref)


def _tags(trusted: TrustedBundle, entry: Descriptor) -> tuple[str, ...]:
    """A chart is asked for by its version, too: a semantic one, whose + no tag may have."""
    version = trusted.names[entry.ref].annotations.get(VERSION, "").replace("+", "_")
    return tuple(filter(None, (entry.digest.removeprefix("sha256:")[:TAG_LENGTH], version)))


def _fill(bundle: OpenBundle, plan: _Plan, registry: Registry, progress: Progress) -> _Tally:
    tally = _Tally()

    def bring(blob: Descriptor) -> Callable[[Event], None]:
        return lambda _: _bring(bundle, blob, plan.repositories[blob.digest], registry, tally, progress)

    progress.begin("push", sum(blob.size for blob in plan.blobs))
    run_all([bring(blob) for blob in plan.blobs], CONNECTIONS)
    for repository, entry in plan.entries:
        for tag in _tags(bundle.trusted, entry):
            if registry.has_manifest(repository, tag, entry):
                tally.add(skipped=1)
            else:
                data = read_extents(bundle.carrier.blobs[entry.digest])
                registry.put_manifest(repository, tag, entry.media_type, data)
                tally.add(uploaded=len(data))
        tally.add(uploaded=list_referrer(registry, repository, entry, bundle.trusted.names[entry.ref]))
    progress.end()
    return tally


def _bring(
    bundle: OpenBundle,
    blob: Descriptor,
    repositories: Sequence[str],
    registry: Registry,
    tally: _Tally,
    progress: Progress,
) -> None:
    """Bring one blob into every repository that needs it, sending it once if at all."""
    having = [repository for repository in repositories if registry.has_blob(repository, blob.digest)]
    tally.add(skipped=len(having))
    if having:
        progress.advance(blob.size)
    for repository in repositories:
        if repository in having:
            continue
        if having and registry.mount(repository, blob.digest, having[0]):
            tally.add(mounted=1)
            continue
        if blob.digest not in bundle.carrier.blobs:
            raise BaseError(
                where=repository,
                value=f"{blob.digest} is not there",
                rule="the base of an update has been pushed before it",
                remedy="push the base, or the whole bundle",
            )
        registry.upload(repository, blob, bundle.carrier.blobs[blob.digest], SILENT if having else progress)
        tally.add(uploaded=blob.size)
        having.append(repository)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
