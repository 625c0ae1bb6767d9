"""The volume of an app: models and configurations, each under a name that follows from its content."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

from trivet.bundle.oci import Descriptor
from trivet.drivers.modal.site import ModalSite
from trivet.render.node_plan import model_directory
from trivet.spec.digest import sha256_digest
from trivet.spec.lock import LockedModel

FILE_MODE = 0o644  # the servers run as another user than the one that mounts the volume
CONFIGS = "etc"


def volume(site: ModalSite, name: str, *, create: bool) -> Any:
    """A volume by name, as a handle that is looked up at first use."""
    return site.account.modal.Volume.from_name(name, environment_name=site.app.environment, create_if_missing=create,
        client=site.account.client)  # fmt: skip


def fill(site: ModalSite, config: bytes) -> str:
    """Bring every model and the configuration there, and drop models of before; returns the configuration's path.

    What lies there whole is not sent again: Modal knows files by their hash.

    Raises:
        IntegrityError: the store does not hold what the lock promises.
        CloudError: Modal refuses.
    """
    store, account = site.store(), site.account
    place = config_path(config)
    with account.plainly("volume"):
        target = volume(site, site.app.weights_volume, create=True)
        there = _files(target)
    missing = {name: model for name, model in site.app.models.items() if not is_whole(model, there)}
    if missing:
        site.report(f"verifying {len(missing)} models of the store")
        store.verify(*(f"model/{name}" for name in missing))
    if not missing and place in there:
        return place
    with account.plainly("upload"), target.batch_upload(force=True) as batch:
        for name, model in missing.items():
            site.report(f"sending {name}")
            for file in model.files:
                source = store.path(Descriptor(media_type="", digest=file.digest, size=file.size))
                batch.put_file(source, f"/{model_directory(model)}/{file.path}", mode=FILE_MODE)
        if place not in there:
            batch.put_file(io.BytesIO(config), f"/{place}", mode=FILE_MODE)
    return place


def prune(site: ModalSite, config: bytes) -> None:
    """Remove what no container of this deployment reads."""
    keep = {config_path(config), *(model_directory(model) for model in site.app.models.values())}
    with site.account.plainly("volume"):
        target = volume(site, site.app.weights_volume, create=False)
        for path in sorted({_top(file) for file in _files(target)} - keep):
            target.remove_file(f"/{path}", recursive=True)


def present(site: ModalSite) -> dict[str, str]:
    """Digest of the manifest of each model that lies there whole.

    Raises:
        CloudError: Modal refuses.
    """
    modal = site.account.modal
    with site.account.plainly("volume"):
        try:
            there = _files(volume(site, site.app.weights_volume, create=False))
        except modal.exception.NotFoundError:
            there = {}
    return {name: model.manifest for name, model in site.app.models.items() if is_whole(model, there)}


def config_path(config: bytes) -> str:
    """Where a configuration lies on the volume."""
    return f"{CONFIGS}/{sha256_digest(config).removeprefix('sha256:')}.json"


def is_whole(model: LockedModel, there: dict[str, int]) -> bool:
    """True if all files lie there with the right sizes."""
    return all(there.get(f"{model_directory(model)}/{file.path}") == file.size for file in model.files)


def _files(target: Any) -> dict[str, int]:
    """Sizes in bytes of all files, by path."""
    return {entry.path.lstrip("/"): entry.size for entry in target.listdir("/", recursive=True) if _is_file(entry)}


def _is_file(entry: Any) -> bool:
    return str(entry.type.name) == "FILE"


def _top(path: str) -> str:
    return str(PurePosixPath(*PurePosixPath(path).parts[:2]))
