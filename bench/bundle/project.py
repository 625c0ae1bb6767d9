"""A project with the repository's own inference.yaml and a store of noise in the place of weights."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trivet.bundle.artifacts import keep_artifact
from trivet.bundle.files import DEBIAN, TOOLS, WHEELS
from trivet.bundle.images import CONTEXT, image_ref
from trivet.bundle.layout import Layout
from trivet.bundle.oci import CONFIG, LAYER, MANIFEST, Descriptor, Manifest
from trivet.bundle.trust import MODEL_PATH
from trivet.spec import Lock, LockedArtifact, LockedFile, LockedImage, LockedModel, load_spec
from trivet.spec.digest import canonical_json, json_digest

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
WEIGHT = "application/vnd.cncf.model.weight.v1.raw"
MODEL = "application/vnd.cncf.model.manifest.v1+json"
MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json"
_POOL = os.urandom(64 * MIB)


@dataclass(frozen=True)
class Project:
    """A directory that `trivet bundle create --project` takes."""

    root: Path

    @property
    def store(self) -> Layout:
        """Its store."""
        return Layout(self.root / ".trivet" / "store")


def noise(size: int, seed: str) -> Iterator[bytes]:
    """`size` bytes that do not compress, the same for the same seed in one run."""
    start = sum(seed.encode()) * 4099 % len(_POOL)
    pool = memoryview(_POOL)
    for number in range(-(-size // MIB)):
        head = f"{seed} {number}".encode().ljust(64)
        begin = (start + number * 7919 * 64) % (len(_POOL) - MIB)
        yield (head + bytes(pool[begin : begin + MIB - 64]))[: min(MIB, size - number * MIB)]


def make_project(
    root: Path,
    images: Mapping[str, Sequence[int]],
    models: Mapping[str, Sequence[int]],
    *,
    seeds: Mapping[str, str] | None = None,
    host: bool = False,
) -> Project:
    """Make a project.

    Args:
        root: its directory.
        images: bytes of each layer, by image; those of inference.yaml that are left out get one small layer.
        models: bytes of each file, by model; likewise.
        seeds: gives an image or a model other bytes than it has by default.
        host: with what a bundle brings to bare hosts, in small, and with the chart and the stacks of this checkout.
    """
    root.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "inference.yaml").read_text(encoding="utf-8")
    (root / "inference.yaml").write_text(text, encoding="utf-8")
    spec = load_spec(root / "inference.yaml")
    store = Layout.create(root / ".trivet" / "store")
    seed = dict(seeds or {})
    lock = Lock(
        inputs=json_digest(spec.lock_inputs),
        images={name: _image(store, name, images.get(name, [MIB]), seed.get(name, name)) for name in spec.images},
        models={
            model.name: _model(store, model.name, models.get(model.name, [MIB]), seed.get(model.name, model.name))
            for model in spec.models
        },
        artifacts=_artifacts(store, root.with_name(f"{root.name}-artifacts")) if host else {},
    )
    if host:
        for name in ("helm", "stacks"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Pulumi.yaml", root)
    (root / "inference.lock").write_text(lock.dump(), encoding="utf-8")
    return Project(root)


def _artifacts(store: Layout, scratch: Path) -> dict[str, LockedArtifact]:
    """One of each kind; what is in them is noise but for its length."""
    kinds = {"debian/trixie-signature": DEBIAN, "tools/linux-x86-64": TOOLS, "wheels/trixie": WHEELS}
    found = {}
    for name, kind in kinds.items():
        files = {}
        for number in range(3):
            path = scratch / name / f"file-{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(noise(MIB, f"{name} {number}")))
            files[path.name] = path
        found[name] = keep_artifact(store, name, kind, files, json_digest(name))
    shutil.rmtree(scratch)
    return found


def _image(store: Layout, name: str, sizes: Sequence[int], seed: str) -> LockedImage:
    seeds = [f"base {number}" for number in range(len(sizes) - 1)] + [seed]
    layers = tuple(store.put(_layer(size, which), LAYER) for size, which in zip(sizes, seeds, strict=True))
    config = store.put_bytes(
        canonical_json(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Cmd": ["/nothing"]},
                "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
            }
        ),
        CONFIG,
    )
    entry = _store(store, Manifest(schema_version=2, media_type=MANIFEST, config=config, layers=layers))
    store.name(image_ref(name), entry, {CONTEXT: json_digest(name)})
    size = entry.size + config.size + sum(layer.size for layer in layers)
    return LockedImage(manifest=entry.digest, config=config.digest, size=size, context=json_digest(name))


def _layer(size: int, seed: str) -> Iterator[bytes]:
    """A layer that an engine can unpack: a tar of one file."""
    info = tarfile.TarInfo(seed.replace(" ", "-"))
    info.size = size
    yield info.tobuf(tarfile.GNU_FORMAT)
    yield from noise(size, seed)
    yield bytes(-size % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _model(store: Layout, name: str, sizes: Sequence[int], seed: str) -> LockedModel:
    layers = tuple(
        store.put(noise(size, f"{seed} {number}"), WEIGHT).model_copy(
            update={"annotations": {MODEL_PATH: f"{name}-{number}.gguf"}}
        )
        for number, size in enumerate(sizes)
    )
    config = store.put_bytes(canonical_json({"descriptor": {"name": name}}), MODEL_CONFIG)
    manifest = Manifest(schema_version=2, media_type=MANIFEST, artifact_type=MODEL, config=config, layers=layers)
    entry = _store(store, manifest)
    store.name(f"model/{name}", entry.model_copy(update={"artifact_type": MODEL}))
    files = tuple(
        LockedFile(path=layer.annotations[MODEL_PATH], digest=layer.digest, size=layer.size) for layer in layers
    )
    return LockedModel(manifest=entry.digest, files=files)


def _store(store: Layout, manifest: Manifest) -> Descriptor:
    return store.put_bytes(manifest.dump(), MANIFEST)
