"""What Kubernetes, Argo CD, Flux and Pulumi's operator say of their objects: `tests/cases/kubernetes/KIND.schema.json`.

Each is strict: it names every field that there is, and the types of those that we use.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from tests.unit.examples import ROOT

DIRECTORY = ROOT / "tests" / "cases" / "kubernetes"


def documents(text: str) -> list[dict[str, Any]]:
    """The objects of a file, in its order."""
    return [each for each in YAML(typ="safe", pure=True).load_all(text) if each]


def faults(document: dict[str, Any]) -> list[str]:
    """What its definition has against an object."""
    return [error.message for error in _definition(document["kind"]).iter_errors(document)]


@cache
def _definition(kind: str) -> Draft7Validator:
    return Draft7Validator(json.loads((DIRECTORY / f"{kind}.schema.json").read_text()))
