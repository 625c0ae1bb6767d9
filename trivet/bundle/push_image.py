"""Brings one image of a store into a registry: what is there is skipped, the manifest goes last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import httpx

from trivet.bundle.extent import Extent
from trivet.bundle.hashing import run_all
from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor
from trivet.bundle.progress import SILENT
from trivet.bundle.push import CONNECTIONS, TAG_LENGTH
from trivet.bundle.registry import TIMEOUT, Registry
from trivet.bundle.registry_auth import RegistryAuth

Credentials = tuple[str, str]  # user name and password


@dataclass(frozen=True)
class Repository:
    """`HOST[:PORT]/PATH`, and who may push to it; plain HTTP to this machine itself alone."""

    host: str
    path: str
    credentials: Credentials | None = None

    def client(self) -> httpx.Client:
        """A client of its registry."""
        scheme = "http" if self.host.partition(":")[0] in ("127.0.0.1", "localhost") else "https"
        auth = RegistryAuth(self.host, self.credentials)
        return httpx.Client(base_url=f"{scheme}://{self.host}", auth=auth, timeout=TIMEOUT)


def push_image(store: Layout, manifest: str, repository: Repository) -> int:
    """Bring an image there; returns the bytes that were sent.

    Raises:
        IntegrityError: the store does not hold it whole.
        RegistryError: the registry cannot be reached, or refuses.
    """
    entry = store.entry(manifest)
    store.verify(entry.ref)
    sent: list[int] = []
    with repository.client() as client:
        registry = Registry(client)

        def bring(blob: Descriptor) -> Callable[[Event], None]:
            return lambda _: sent.append(_bring(store, blob, registry, repository.path))

        run_all([bring(blob) for blob in store.manifest(entry).blobs], CONNECTIONS)
        if not registry.has_manifest(repository.path, _tag(manifest), entry):
            registry.put_manifest(repository.path, _tag(manifest), entry.media_type, store.read(entry))
    return sum(sent)


def has_image(manifest: Descriptor, repository: Repository) -> bool:
    """Whether the image is there.

    Raises:
        RegistryError: the registry cannot be asked.
    """
    with repository.client() as client:
        return Registry(client).has_manifest(repository.path, _tag(manifest.digest), manifest)


def _tag(manifest: str) -> str:
    return manifest.removeprefix("sha256:")[:TAG_LENGTH]


def _bring(store: Layout, blob: Descriptor, registry: Registry, path: str) -> int:
    if registry.has_blob(path, blob.digest):
        return 0
    registry.upload(path, blob, (Extent(store.path(blob), 0, blob.size),), SILENT)
    return blob.size
