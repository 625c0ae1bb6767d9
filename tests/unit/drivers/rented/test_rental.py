"""What a stack rents its node by, from its settings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.examples import settings
from trivet.drivers.rented.rental import rental

LAMBDA = {"instanceTypes": ["gpu_1x_a10"], "allowFrom": ["198.51.100.7/32"], "monthlyBudget": 50}


@pytest.mark.parametrize(
    ("way", "said"), [({}, True), ({"keyOnNode": True}, False), ({"broker": "http://reaper.example.org:8470"}, False)]
)
def test_a_node_that_cannot_end_itself_is_said_before_it_is_rented(way: dict[str, Any], said: bool) -> None:
    given = settings(tier="gpuaas", target="lambda", region="us-east-1", **{"lambda": {**LAMBDA, **way}})
    assert ("until a reaper ends it" in rental(given, stack="s", port=8080, root="/r").caveat) is said
