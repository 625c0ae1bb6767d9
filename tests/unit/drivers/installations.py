"""An installation of the repository's spec, with a real small store, below a temporary directory."""

from __future__ import annotations

from pathlib import Path

from tests.fakes.engine_host import EngineHost
from tests.unit.bundle.stores import put_image
from tests.unit.examples import settings, spec_with
from trivet.bundle.layout import Layout
from trivet.bundle.oci import MANIFEST, Manifest
from trivet.drivers.bundle import Site
from trivet.render import Installation, render
from trivet.spec import Lock, LockedFile, LockedImage, LockedModel, StackSpec
from trivet.spec.digest import json_digest

STACK = "unit"


def installation(root: Path, *, port: int = 1) -> Installation:
    """The repository's stack, installed from a store that is made here, below `root`."""
    spec = spec_with({})
    store = Layout.create(root / "store")
    rendered = render(spec, lock_for(spec, store), settings(port=port), stack=STACK)
    return rendered.model_copy(
        update={"root": str(root / "host"), "store": str(root / "store"), "key_directory": str(root / "keys")}
    )


def site(root: Path, host: EngineHost, *, port: int = 1) -> Site:
    """That installation, with a host to work on."""
    return Site(installation=installation(root, port=port), host=host, report=lambda _: None)


def lock_for(spec: StackSpec, store: Layout) -> Lock:
    """Fill the store with something for everything, and pin it."""
    return Lock(
        inputs=json_digest(spec.lock_inputs),
        images={name: _image(store, name) for name in spec.images},
        models={model.name: _model(store, model.name) for model in spec.models},
    )


def _image(store: Layout, name: str) -> LockedImage:
    entry = put_image(store, f"image/{name}", (name.encode() * 1000,))
    manifest = store.manifest(entry)
    return LockedImage(manifest=entry.digest, config=manifest.config.digest, size=1000, context=entry.digest)


def _model(store: Layout, name: str) -> LockedModel:
    weights = store.put_bytes(f"weights of {name}".encode(), "application/vnd.cncf.model.weight.v1.raw")
    config = store.put_bytes(b"{}", "application/vnd.cncf.model.config.v1+json")
    manifest = Manifest(schema_version=2, media_type=MANIFEST, config=config, layers=(weights,))
    entry = store.name(f"model/{name}", store.put_bytes(manifest.dump(), MANIFEST))
    file = LockedFile(path=f"{name}.gguf", digest=weights.digest, size=weights.size)
    return LockedModel(manifest=entry.digest, files=(file,))
