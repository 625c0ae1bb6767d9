"""Cases as data: each `tests/cases/render/NAME/case.yaml` changes `base.yaml`; beside it is what comes of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.unit.examples import ROOT, cluster_settings, merge, modal_settings, settings
from trivet.render import Installation, render
from trivet.render.helm import Values, helm_values
from trivet.render.modal import ModalApp, modal_app
from trivet.spec import Lock, LockedFile, LockedImage, LockedModel, StackSpec
from trivet.spec.digest import json_digest, sha256_digest

DIRECTORY = ROOT / "tests" / "cases" / "render"
STACK = "golden"


@dataclass(frozen=True)
class Case:
    """One case and its place."""

    path: Path
    spec: dict[str, Any]
    settings: dict[str, Any]
    files: dict[str, list[str]]

    @property
    def installation(self) -> Installation:
        return render(self.stack, self.lock, settings(**self.settings), stack=STACK)

    @property
    def modal(self) -> ModalApp:
        return modal_app(self.stack, self.lock, modal_settings(), stack=STACK)

    @property
    def cluster(self) -> Values:
        made = {name: key_hash(name) for name, given in self.installation.keys.items() if given is None}
        outside = {"frontierSecret": "frontier", "frontierNetworks": ["198.51.100.0/24"]}
        place = cluster_settings(keys=made, **(outside if self.stack.gateway.frontier else {}))
        return helm_values(self.stack, self.lock, place, stack=STACK)

    @property
    def stack(self) -> StackSpec:
        return StackSpec.model_validate(merge(load(DIRECTORY / "base.yaml"), self.spec))

    @property
    def lock(self) -> Lock:
        return lock_for(self.stack, self.files)


def cases() -> dict[str, Case]:
    found = {path.parent.name: path for path in sorted(DIRECTORY.glob("*/case.yaml"))}
    return {name: read(path) for name, path in found.items()}


def read(path: Path) -> Case:
    data = load(path)
    return Case(path=path.parent, spec=data["spec"], settings=data["settings"], files=data.get("files", {}))


def load(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text())
    return data


def lock_for(spec: StackSpec, files: dict[str, list[str]] | None = None) -> Lock:
    """A lock whose digests follow from names."""
    return Lock(
        inputs=json_digest(spec.lock_inputs),
        images={
            name: LockedImage(
                manifest=digest(f"{name} manifest"), config=digest(f"{name} config"), size=10, context=digest(name)
            )
            for name in spec.images
        },
        models={
            model.name: LockedModel(
                manifest=digest(f"{model.name} manifest"),
                files=tuple(
                    LockedFile(path=file, digest=digest(file), size=7)
                    for file in (files or {}).get(model.name, [f"{model.name}.gguf"])
                ),
            )
            for model in spec.models
        },
    )


def digest(text: str) -> str:
    return sha256_digest(text.encode())


def key_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def pretty(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True) + "\n"
