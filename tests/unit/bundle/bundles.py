"""A small store and bundles of it: two images that share a layer, two models, files, real keys."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import minisign

from trivet.bundle.artifacts import keep_artifact
from trivet.bundle.create import Contents, create_bundle
from trivet.bundle.files import DEBIAN, TOOLS, WHEELS, Kind
from trivet.bundle.images import CONTEXT, image_ref
from trivet.bundle.layout import Layout
from trivet.bundle.minisig import Signer
from trivet.bundle.oci import CONFIG, LAYER, MANIFEST, Manifest
from trivet.bundle.pinned import Pinned
from trivet.bundle.trust import MODEL_PATH
from trivet.spec import Lock, LockedArtifact, LockedFile, LockedImage, LockedModel
from trivet.spec.digest import canonical_json, json_digest, sha256_digest

MODEL = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json"
WEIGHT = "application/vnd.cncf.model.weight.v1.raw"

NOW = datetime(2026, 6, 1, tzinfo=UTC)
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRES = datetime(2027, 1, 1, tzinfo=UTC)
IMAGES = {"gateway": (b"base layer" * 90, b"gateway layer" * 50), "llama": (b"base layer" * 90, b"llama layer" * 70)}
MODELS = {
    "tiny": {"tiny.gguf": b"GGUF weights " * 4000},
    "wide": {"a.gguf": b"shard a " * 900, "b.gguf": b"shard b " * 800},
}
FILES = {"inference.yaml": b"version: 1\n", "inference.lock": b"{}\n"}

Images = Mapping[str, tuple[bytes, ...]]
Models = Mapping[str, Mapping[str, bytes]]
Artifacts = Mapping[str, tuple[Kind, Mapping[str, bytes]]]

HOST: Artifacts = {
    "debian/bookworm-signature": (DEBIAN, {"openssl_3.0.deb": b"no package"}),
    "tools/linux-x86-64": (TOOLS, {"pulumi": b"#!/bin/sh\n"}),
    "wheels/trivet": (WHEELS, {"trivet-1.0-py3-none-any.whl": b"no wheel"}),
}
"""What a bundle for bare hosts has besides, in small."""


@cache
def signer(name: str) -> Signer:
    """One key a name, the same in a whole test run."""
    assert name
    return Signer(minisign.KeyPair.generate().secret_key)


def pinned(*names: str, threshold: int = 1) -> Pinned:
    """Those keys, pinned."""
    return Pinned.of([signer(name).public for name in names or ("officer",)], threshold=threshold)


@dataclass(frozen=True)
class Seed:
    """A store and what its lock says."""

    store: Layout
    contents: Contents

    def bundle(self, out: Path, *names: str, since: Path | None = None) -> Path:
        """Make a bundle, signed by the named keys (by `officer`, if none is named)."""
        signers = [signer(name) for name in names or ("officer",)]
        create_bundle(self.store, self.contents, out, signers, since=since)
        return out


def seed(
    root: Path,
    *,
    images: Images = IMAGES,
    models: Models = MODELS,
    files: Mapping[str, bytes] = FILES,
    artifacts: Artifacts | None = None,
    expires: datetime | None = EXPIRES,
) -> Seed:
    """Fill a store at `root`."""
    store = Layout.create(root)
    lock = Lock(
        inputs=json_digest([]),
        images={name: _image(store, name, layers) for name, layers in images.items()},
        models={name: _model(store, name, weights) for name, weights in models.items()},
        artifacts={name: _artifact(store, name, *each) for name, each in (artifacts or {}).items()},
    )
    return Seed(store, Contents("trivet", lock, files, created=CREATED, expires=expires))


def tar_layer(*names: str) -> bytes:
    """An image's layer with empty files of these names."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as out:
        for name in names:
            out.addfile(tarfile.TarInfo(name))
    return data.getvalue()


def size(bundle: Path) -> int:
    """Bytes of a bundle's blobs."""
    return sum(path.stat().st_size for path in (bundle / "blobs" / "sha256").iterdir())


def tree(root: Path) -> str:
    """Digest of everything below a directory: names, kinds and bytes. Equal before and after means untouched."""
    lines = []
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            lines.append((name, str(path.readlink())))
        else:
            lines.append((name, sha256_digest(path.read_bytes()) if path.is_file() else "directory"))
    return json_digest(lines)


def _image(store: Layout, name: str, layers: tuple[bytes, ...]) -> LockedImage:
    blobs = tuple(store.put_bytes(layer, LAYER) for layer in layers)
    files = {"type": "layers", "diff_ids": [blob.digest for blob in blobs]}
    told = {"os": "linux", "architecture": "amd64", "name": name, "config": {"Cmd": [name]}, "rootfs": files}
    config = store.put_bytes(canonical_json(told), CONFIG)
    manifest = Manifest(schema_version=2, media_type=MANIFEST, config=config, layers=blobs)
    entry = store.put_bytes(manifest.dump(), MANIFEST)
    context = json_digest(name)
    store.name(image_ref(name), entry, {CONTEXT: context})
    size = entry.size + sum(blob.size for blob in manifest.blobs)
    return LockedImage(manifest=entry.digest, config=config.digest, size=size, context=context)


def _model(store: Layout, name: str, weights: Mapping[str, bytes]) -> LockedModel:
    config = store.put_bytes(canonical_json({"descriptor": {"name": name}}), MODEL_CONFIG)
    layers = tuple(
        store.put_bytes(data, WEIGHT).model_copy(update={"annotations": {MODEL_PATH: path}})
        for path, data in sorted(weights.items())
    )
    manifest = Manifest(schema_version=2, media_type=MANIFEST, artifact_type=MODEL, config=config, layers=layers)
    entry = store.put_bytes(manifest.dump(), MANIFEST)
    store.name(f"model/{name}", entry.model_copy(update={"artifact_type": MODEL}))
    files = tuple(
        LockedFile(path=layer.annotations[MODEL_PATH], digest=layer.digest, size=layer.size) for layer in layers
    )
    return LockedModel(manifest=entry.digest, files=files)


def _artifact(store: Layout, name: str, kind: Kind, files: Mapping[str, bytes]) -> LockedArtifact:
    folder = store.root.with_name(f"{store.root.name}-artifacts") / name
    folder.mkdir(parents=True)
    for path, data in files.items():
        (folder / path).write_bytes(data)
    return keep_artifact(store, name, kind, {path: folder / path for path in files}, json_digest(name))
