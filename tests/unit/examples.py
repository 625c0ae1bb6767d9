"""The repository's own inference.yaml, with changes: every unit test starts from the real thing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from trivet.spec import Settings, StackSpec

ROOT = Path(__file__).parents[2]


def raw_spec() -> dict[str, Any]:
    """The document as plain data."""
    data: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / "inference.yaml").read_text())
    return data


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged, everything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def spec_with(changes: Mapping[str, Any]) -> StackSpec:
    """The repository's spec with changes merged in."""
    return StackSpec.model_validate(merge(raw_spec(), changes))


def settings(**changes: Any) -> Settings:
    """Settings of an on-premises stack."""
    return Settings.model_validate({"tier": "onprem", "region": "on-premises", **changes})


def modal_settings(**modal: Any) -> Settings:
    """Settings of a stack on Modal; `modal` changes what is said about Modal."""
    place = {"registry": "registry.example.com/trivet", "routingRegion": "eu-west", **modal}
    return Settings.model_validate(
        {"tier": "gpuaas", "target": "modal", "region": "eu-west", "modal": place, "waitSeconds": 60}
    )


def cluster_settings(**place: Any) -> Settings:
    """Settings of a stack on a Kubernetes cluster; `place` changes what is said about the cluster."""
    registry = {"registry": "registry.example.com/trivet", "registryNetworks": ["192.0.2.10/32"]}
    return settings(target="kubernetes", kubernetes={**registry, **place})
