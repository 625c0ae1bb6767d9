"""The conforming gateway, on the wire, and a target that expects what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fakes.conforming_gateway import KEYS, ConformingGateway
from tests.fakes.serving import serving
from tests.unit.examples import spec_with
from trivet.conformance import Finding, Target, row_count, run_conformance
from trivet.spec import Lock, LockedFile, LockedImage, LockedModel, StackSpec
from trivet.spec.digest import json_digest, sha256_digest

# A small limit, so that a body over it is soon sent.
CHANGES = {"gateway": {"limits": {"bodyBytes": 65_536}}}


def lock_for(spec: StackSpec) -> Lock:
    def digest(name: str) -> str:
        return sha256_digest(name.encode())

    images = {
        name: LockedImage(manifest=digest(name), config=digest("c"), size=1, context=digest("x"))
        for name in spec.images
    }
    models = {
        model.name: LockedModel(
            manifest=digest(model.name), files=(LockedFile(path="a.gguf", digest=model.digest, size=1),)
        )
        for model in spec.models
    }
    return Lock(inputs=json_digest(spec.lock_inputs), images=images, models=models)


@dataclass
class Served:
    """The gateway, where it listens, and what it should be."""

    gateway: ConformingGateway
    url: str

    def target(self, **changes: Any) -> Target:
        fields = {
            "url": f"{self.url}/v1",
            "key": KEYS["default"],
            "quota_key": KEYS["conformance"],
            "spec": self.gateway.spec,
            "lock": self.gateway.lock,
            "timeout": 10.0,
        }
        return Target(**(fields | changes))

    def examine(self, check: str, **changes: Any) -> Finding:
        """The finding of one check."""
        (finding,) = run_conformance(self.target(**changes), [check]).findings
        return finding


@pytest.fixture(scope="session")
def running() -> Iterator[Served]:
    spec = spec_with(CHANGES)
    gateway = ConformingGateway(spec, lock_for(spec))
    with serving(gateway.app) as url:
        yield Served(gateway, url)


@pytest.fixture
def served(running: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Conforming, and with no request made yet; its rows are never late, so a missing one is not waited for long."""
    monkeypatch.setattr(row_count, "LATEST_SECONDS", 0.2)
    running.gateway.reset()
    return running
