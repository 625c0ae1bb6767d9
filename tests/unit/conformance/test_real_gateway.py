"""The gateway that we ship, configured by our own renderer, conforms; only the models behind it are toys."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.conforming_gateway import KEYS
from tests.fakes.serving import serving
from tests.fakes.toy_upstream import toy_upstream
from tests.unit.conformance.conftest import CHANGES, lock_for
from tests.unit.examples import settings, spec_with
from trivet.conformance import CHECKS, Target, run_conformance
from trivet.render.gateway import gateway_config
from trivet_gateway.app import Gateway
from trivet_gateway.config import GatewayConfig

PATIENCE_SECONDS = 10.0


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    spec = spec_with(CHANGES)
    lock = lock_for(spec)
    data = gateway_config(spec, lock, settings())
    data["audit"]["path"] = str(tmp_path / "audit.sqlite")
    for team in data["teams"]:
        team["keys"][0]["sha256"] = hashlib.sha256(KEYS[team["name"]].encode()).hexdigest()
    with serving(toy_upstream(context_length=512, dimensions=384)) as upstream:
        for model in data["models"]:
            model["url"] = upstream
        with serving(Gateway(GatewayConfig.model_validate(data)), lifespan="on") as url:
            wait_until_ready(url)
            yield Target(f"{url}/v1", KEYS["default"], KEYS["conformance"], spec, lock, timeout=10.0)


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while httpx.get(f"{url}/ready").status_code != 200:
        assert time.monotonic() < deadline, "the gateway does not become ready"
        time.sleep(0.05)


def test_the_gateway_conforms(target: Target) -> None:
    report = run_conformance(target)
    assert {finding.check: finding.seen for finding in report.findings if finding.result != "pass"} == {}
    assert len(report.findings) == len(CHECKS)
