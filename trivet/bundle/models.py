"""Fills the store with the models of a spec: fetch, check everything, and only then store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trivet.bundle.download import Progress
from trivet.bundle.layout import Layout
from trivet.bundle.model_facts import Files, ModelFacts, describe_files
from trivet.bundle.model_source import forget, keep, resolve
from trivet.bundle.modelpack import pack, store_files, stored_layers
from trivet.errors import ModelError
from trivet.spec import LockedModel
from trivet.spec.model import ModelSpec


def model_cache(store: Path) -> Path:
    """Where downloads lie until they are stored: beside the store."""
    return store.parent / "cache" / "models"


def pull_models(models: Sequence[ModelSpec], store: Path, root: Path, progress: Progress) -> dict[str, LockedModel]:
    """Make sure that the store holds the models, and return what pins them.

    All of them are fetched and checked before the first is stored; a model that is already stored is not fetched.

    Args:
        models: of the spec.
        store: the OCI layout; made where there is none.
        root: the project, which relative sources start from.
        progress: gets a line for each long step.

    Raises:
        ModelError: weights cannot be had, or are not what the spec says.
        IntegrityError: weights are corrupt, cut short or have another digest than the spec's.
    """
    layout, cache = Layout.create(store), model_cache(store)
    held = {model.name: stored_layers(layout, model) for model in models}
    fetched: dict[str, Files] = {}
    for model in models:
        if not held[model.name]:
            fetched[model.name] = _fetch(model, root, cache, progress)
    locked = {}
    for model in models:
        if model.name in fetched:
            progress(f"storing model {model.name}")
        layers = held[model.name] or store_files(layout, fetched[model.name], model.digest)
        files = {name: layout.path(layer) for name, layer in layers.items()}
        locked[model.name] = pack(layout, model, describe_files(files), layers)
        forget(model.digest, cache)
    return locked


def _fetch(model: ModelSpec, root: Path, cache: Path, progress: Progress) -> Files:
    files, digest = resolve(model.source, model.digest, root, cache, progress)
    files = keep(files, digest, cache)
    _require_agreement(model, describe_files(files))
    return {f"{model.name}.gguf": next(iter(files.values()))} if model.format == "gguf" else files


def _require_agreement(model: ModelSpec, facts: ModelFacts) -> None:
    where = f"model {model.name}"
    if facts.format != model.format:
        raise ModelError(
            where=where, value=facts.format, rule=f"its format is {model.format}", remedy=f"set format: {facts.format}"
        )
    if model.dimensions not in {None, facts.dimensions}:
        raise ModelError(
            where=where,
            value=f"dimensions: {model.dimensions}",
            rule=f"its vectors have {facts.dimensions} numbers",
            remedy=f"set dimensions: {facts.dimensions}",
        )
    stretched = any(flag.startswith("rope") for flag in model.arguments)
    if model.context_length > facts.context_length and not stretched:
        raise ModelError(
            where=where,
            value=f"contextLength: {model.context_length}",
            rule=f"it was trained for {facts.context_length} tokens",
            remedy="set less, or stretch it on purpose with the runtime's rope arguments",
        )
