"""Who gives way to the next provider of an order, and that nothing is left where one does."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.lambda_cloud import Fault, Faults
from tests.fakes.lambda_cloud.server import Wire
from tests.unit.drivers.rented.world import STACK, World, wish
from trivet.drivers.failover import NOTHING_TO_GIVE, gives_way
from trivet.drivers.rented.bill import Budget
from trivet.errors import AmbiguousError, BudgetError, CapacityError, CloudError, HostError, TrivetError

SAID = {"value": "v", "rule": "r", "remedy": "do"}


@pytest.mark.parametrize(
    "refusal",
    [
        CapacityError(code="no-offer", **SAID),
        BudgetError(**SAID),
        *(CloudError(code=code, **SAID) for code in sorted(NOTHING_TO_GIVE)),
    ],
)
def test_who_has_nothing_to_give_gives_way(refusal: TrivetError) -> None:
    assert gives_way(refusal)


@pytest.mark.parametrize(
    "refusal",
    [
        AmbiguousError(code="lost", **SAID),
        AmbiguousError(code="unreachable", **SAID),
        CloudError(code="still-there", **SAID),
        CloudError(code="global/invalid-api-key", **SAID),
        CloudError(code="AuthError", **SAID),
        CloudError(code="ImageBuildError", **SAID),
        HostError(**SAID),
    ],
)
def test_what_is_in_doubt_or_a_person_s_to_mend_does_not(refusal: TrivetError) -> None:
    assert not gives_way(refusal)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.sampled_from([Fault.NONE] * 4 + [Fault.SOLD_OUT] * 3 + list(Fault)), max_size=16),
    fates=st.lists(st.sampled_from(["active", "unhealthy", "stuck"]), max_size=3),
    cents=st.sampled_from([100, 1_000_000]),
)
def test_who_gives_way_has_left_nothing_and_who_does_not_has_one_at_most(
    lambda_wire: Wire, faults: list[Fault], fates: list[str], cents: int
) -> None:
    directory = Path(tempfile.mkdtemp())
    world = World(lambda_wire.fresh(), lambda_wire.url, directory)
    account = world.fake.account
    account.fates = fates
    try:
        with contextlib.suppress(TrivetError):
            try:
                world.up(faults=Faults(faults), wish=wish(budget=Budget(cents)))
            except TrivetError as exc:
                if gives_way(exc) and not world.ledger.open(STACK):
                    world.down()
                    assert (world.ours, account.keys, account.rulesets) == ([], {}, {})
                raise
        assert len(world.ours) <= 1
        world.require_sound()
    finally:
        shutil.rmtree(directory)
