"""Models as OCI artifacts, after the CNCF ModelPack specification: one layer a file, none compressed.

Source: https://github.com/modelpack/model-spec (v0.0.7). Only what the files and `inference.yaml` say goes in, so equal
input gives equal digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trivet.bundle.layout import Layout
from trivet.bundle.model_facts import Files, ModelFacts
from trivet.bundle.model_source import files_digest
from trivet.bundle.oci import MANIFEST, Descriptor, Manifest
from trivet.errors import IntegrityError
from trivet.spec import LockedFile, LockedModel
from trivet.spec.digest import canonical_json
from trivet.spec.model import ModelSpec

ARTIFACT: Final = "application/vnd.cncf.model.manifest.v1+json"
CONFIG: Final = "application/vnd.cncf.model.config.v1+json"
WEIGHT: Final = "application/vnd.cncf.model.weight.v1.raw"
WEIGHT_CONFIG: Final = "application/vnd.cncf.model.weight.config.v1.raw"
FILE_PATH: Final = "org.cncf.model.filepath"

Layers = Mapping[str, Descriptor]  # file name → its blob


def reference(name: str) -> str:
    """The model's name in the store's index."""
    return f"model/{name}"


def stored_layers(layout: Layout, model: ModelSpec) -> dict[str, Descriptor]:
    """The model's files in the store; empty unless they are exactly the pinned ones and all there."""
    entry = layout.find(reference(model.name))
    if entry is None:
        return {}
    layers = {layer.annotations.get(FILE_PATH, ""): layer for layer in layout.manifest(entry).layers}
    pinned = files_digest({name: layer.digest for name, layer in layers.items()}) == model.digest
    whole = all(
        layout.path(layer).exists() and layout.path(layer).stat().st_size == layer.size for layer in layers.values()
    )
    return layers if pinned and whole else {}


def store_files(layout: Layout, files: Files, digest: str) -> dict[str, Descriptor]:
    """Put a model's files into the store.

    Raises:
        IntegrityError: they are no longer those of `digest`.
    """
    layers = {
        name: layout.put_file(path, _media_type(name)).model_copy(update={"annotations": {FILE_PATH: name}})
        for name, path in files.items()
    }
    found = files_digest({name: layer.digest for name, layer in layers.items()})
    if found != digest:
        raise IntegrityError(
            value=f"{', '.join(sorted(files))}: {found}",
            rule=f"the weights keep the digest {digest} while they are stored",
            remedy="let nothing write to them, and run the command again",
        )
    return layers


def pack(layout: Layout, model: ModelSpec, facts: ModelFacts, layers: Layers) -> LockedModel:
    """Write config and manifest of a model whose files are stored, and enter it into the index."""
    ordered = tuple(layers[name] for name in sorted(layers))
    config = layout.put_bytes(canonical_json(_config(model, facts, ordered)), CONFIG)
    manifest = Manifest(schema_version=2, media_type=MANIFEST, artifact_type=ARTIFACT, config=config, layers=ordered)
    entry = layout.put_bytes(manifest.dump(), MANIFEST)
    layout.name(reference(model.name), entry.model_copy(update={"artifact_type": ARTIFACT}))
    files = tuple(LockedFile(path=name, digest=layers[name].digest, size=layers[name].size) for name in sorted(layers))
    return LockedModel(manifest=entry.digest, files=files)


def _config(model: ModelSpec, facts: ModelFacts, layers: tuple[Descriptor, ...]) -> dict[str, Any]:
    return {
        "descriptor": {"name": model.name, "family": facts.architecture, "licenses": [model.licence]},
        "config": {
            "architecture": facts.architecture,
            "format": model.format,
            "paramSize": param_size(facts.parameters),
            "quantization": model.quantisation,
        },
        "modelfs": {"type": "layers", "diffIds": [layer.digest for layer in layers]},
    }


def param_size(parameters: int) -> str:
    """The number of weights as ModelPack writes it: `7.6b`, `22.6m`, `500k`."""
    for unit, letter in ((10**9, "b"), (10**6, "m"), (10**3, "k")):
        if parameters >= unit:
            return f"{parameters / unit:.1f}".removesuffix(".0") + letter
    return str(parameters)


def _media_type(name: str) -> str:
    return WEIGHT if name.endswith((".gguf", ".safetensors")) else WEIGHT_CONFIG
