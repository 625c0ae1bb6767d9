"""`inference.lock`: every image, model and artifact by digest. `pulumi up` reads it and resolves nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from trivet.errors import LockError
from trivet.spec.base import Digest, Frozen
from trivet.spec.digest import json_digest
from trivet.spec.stack import StackSpec

Size = Annotated[int, Field(ge=0, description="Bytes.")]


class LockedImage(Frozen):
    """An image: digests of its OCI manifest and config, bytes of its blobs, digest of what it was built from."""

    manifest: Digest
    config: Digest
    size: Size
    context: Digest


class LockedFile(Frozen):
    """One file of a model."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    digest: Digest
    size: Size


class LockedModel(Frozen):
    """A model: digest of its ModelPack manifest, and its files."""

    manifest: Digest
    files: Annotated[tuple[LockedFile, ...], Field(min_length=1, strict=False)]


class LockedArtifact(Frozen):
    """Files for a bare host: digest of their manifest, bytes of their blobs, digest of what decided what they are."""

    manifest: Digest
    size: Size
    inputs: Digest


class Lock(Frozen):
    """The whole lock. `inputs` ties it to the part of the spec that it pins.

    `artifacts` is what a bundle brings to a bare host, by name (`debian/trixie-engine`); empty unless it was asked for.
    """

    version: Literal[1] = 1
    inputs: Digest
    images: dict[str, LockedImage]
    models: dict[str, LockedModel]
    artifacts: Annotated[dict[str, LockedArtifact], Field(default_factory=dict)]

    @property
    def digest(self) -> str:
        """Identity of what runs, whatever the file's spacing: what a bare host needs besides does not change it."""
        return json_digest(self.model_dump(mode="json", exclude={"artifacts"}))

    def dump(self) -> str:
        """The file's text: the same lock gives the same bytes."""
        document = self.model_dump(mode="json", exclude=None if self.artifacts else {"artifacts"})
        return json.dumps(document, indent=2, sort_keys=True) + "\n"


def parse_lock(text: str, where: str) -> Lock:
    """Read a lock.

    Raises:
        LockError: the text is not a lock.
    """
    try:
        return Lock.model_validate_json(text)
    except ValidationError as exc:
        first = exc.errors()[0]
        path = ".".join(str(part) for part in first["loc"]) or "the file"
        raise LockError(
            where=where,
            value=f"{path}: {first['msg']}",
            rule="the lock is written by Trivet, never by hand",
            remedy="run `trivet lock`",
        ) from exc


def load_lock(path: Path, spec: StackSpec) -> Lock:
    """Read the lock and hold it against the spec.

    Raises:
        LockError: it is missing, malformed or stale.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise LockError(
            value=str(path), rule="a stack is deployed from its lock", remedy="run `trivet build`, then `trivet lock`"
        ) from exc
    lock = parse_lock(text, str(path))
    if lock.inputs != json_digest(spec.lock_inputs):
        raise LockError(
            where=str(path),
            value=_difference(lock, spec),
            rule="the lock pins exactly the images and models of inference.yaml",
            remedy="run `trivet lock` (and `trivet build` first, if an image or model is new)",
        )
    return lock


def _difference(lock: Lock, spec: StackSpec) -> str:
    wanted = {f"image {name}" for name in spec.images} | {f"model {model.name}" for model in spec.models}
    pinned = {f"image {name}" for name in lock.images} | {f"model {name}" for name in lock.models}
    parts = [f"{name} is not locked" for name in sorted(wanted - pinned)]
    parts += [f"{name} is locked but not in the spec" for name in sorted(pinned - wanted)]
    return "stale lock: " + ("; ".join(parts) or "a model's source, format or digest has changed")
