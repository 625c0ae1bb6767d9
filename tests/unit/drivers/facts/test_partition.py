"""Which model gets which card: the order of preference, what is refused, and that no plan ever asks too much."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.drivers.facts.test_parsers import cards
from trivet.drivers.facts.facts import Card
from trivet.drivers.facts.mig import TABLE, cut, profiles_of
from trivet.drivers.facts.partition import USABLE_MIB, MisfitError, Model, plan
from trivet.errors import HostError

KINDS = (
    ("NVIDIA H100 80GB HBM3", 81559, False),
    ("NVIDIA A100-SXM4-40GB", 40960, False),
    ("NVIDIA A30", 24576, True),
    ("NVIDIA GeForce RTX 4090", 24564, None),
)


def card(number: int, kind: tuple[str, int, bool | None]) -> Card:
    name, memory, mig = kind
    given = {"used_mib": 0, "driver": "570", "compute_capability": "9.0", "bus": "", "ecc": None}
    return Card(
        index=number, name=name, uuid=f"GPU-{number}", memory_mib=memory, mig=mig, power_limit_watts=None, **given
    )


@st.composite
def hosts(draw: st.DrawFn) -> tuple[Card, ...]:
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
    return tuple(card(number, kind) for number, kind in enumerate(kinds))


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Model, ...]:
    sizes = draw(st.lists(st.tuples(st.integers(500, 90_000), st.sampled_from((1, 1, 1, 2))), min_size=1, max_size=5))
    return tuple(Model(f"m{number}", size, width) for number, (size, width) in enumerate(sizes))


def test_each_model_has_a_card_of_its_own_while_there_are_some_and_the_smallest_that_takes_it() -> None:
    found = plan([Model("small", 20_000), Model("great", 70_000)], (card(0, KINDS[0]), card(1, KINDS[3])))
    assert [each.plain() for each in found] == [
        {"card": "GPU-0", "slices": [], "models": ["great"]},
        {"card": "GPU-1", "slices": [], "models": ["small"]},
    ]


def test_one_card_for_several_models_is_cut_where_it_can_be() -> None:
    models = [Model("chat", 30_000), Model("embed", 8_000), Model("rerank", 12_000)]
    (found,) = plan(models, cards("h100-mig")[:1])
    assert found.plain()["slices"] == ["3g.40gb", "1g.20gb", "1g.10gb"]
    assert found.plain()["models"] == ["chat", "rerank", "embed"]


def test_one_that_cannot_be_cut_or_may_not_be_is_shared() -> None:
    models = [Model("chat", 14_000), Model("embed", 8_000)]
    shared = [{"slices": [], "models": ["chat", "embed"]}]
    for found in (plan(models, cards("rtx4090")), plan(models, cards("h100-mig")[:1], mig=False)):
        assert [{key: value for key, value in each.plain().items() if key != "card"} for each in found] == shared


def test_what_no_slices_hold_is_shared_if_the_memory_is_enough() -> None:
    (found,) = plan([Model("a", 45_000), Model("b", 30_000)], cards("h100-mig")[:1])
    assert (found.slices, len(found.models)) == ((), 2)


def test_a_model_on_two_cards_has_both_to_itself() -> None:
    two = cards("h100-mig")
    assert [each.plain()["models"] for each in plan([Model("wide", 140_000, 2)], two)] == [["wide"], ["wide"]]
    with pytest.raises(MisfitError, match="on each of 2 cards"):
        plan([Model("wide", 140_000, 2), Model("small", 1_000)], two)


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ([Model("huge", 90_000)], "none of them fits, not even alone"),
        ([Model("a", 20_000), Model("b", 20_000)], "alone would fit: a, b"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(models: list[Model], said: str) -> None:
    with pytest.raises(MisfitError) as refused:
        plan(models, cards("rtx4090"))
    assert said in str(refused.value)
    assert "NVIDIA GeForce RTX 4090: 24564 MiB" in str(refused.value)


def test_a_host_without_a_card_is_refused() -> None:
    with pytest.raises(HostError, match="no card"):
        plan([Model("a", 1)], ())


@given(wishes(), hosts())
def test_every_model_has_its_cards_and_no_card_is_asked_for_more_than_it_has(
    models: tuple[Model, ...], there: tuple[Card, ...]
) -> None:
    try:
        found = plan(models, there)
    except MisfitError:
        return
    assert Counter(each.name for part in found for each in part.models) == {each.name: each.width for each in models}
    assert tuple(part.card for part in found) == there
    for part in found:
        asked = [each.share_mib for each in part.models]
        if part.slices:
            taken = [place for each in part.slices for place in each.taken]
            assert len(taken) == len(set(taken)) <= 8
            assert all(
                wish <= each.profile.gigabytes * USABLE_MIB for wish, each in zip(asked, part.slices, strict=True)
            )
        else:
            assert sum(asked) <= part.card.memory_mib
        assert len(part.models) <= 1 or all(each.width == 1 for each in part.models)


@given(wishes(), hosts())
def test_nothing_is_refused_that_could_stand_one_model_a_card(
    models: tuple[Model, ...], there: tuple[Card, ...]
) -> None:
    shares = [each.share_mib for each in models for _ in range(each.width)]
    fits = any(
        all(share <= each.memory_mib for share, each in zip(shares, order, strict=False))
        for order in permutations(there)
        if len(shares) <= len(order)
    )
    try:
        found = plan(models, there)
    except MisfitError:
        assert not fits
    else:
        assert not fits or all(len(part.models) <= 1 for part in found)


def test_slices_of_the_table_lie_within_their_card() -> None:
    for _, _, profiles in TABLE:
        whole = profiles[-1]
        assert whole.starts == (0,)
        assert [each.gigabytes for each in profiles] == sorted(each.gigabytes for each in profiles)
        assert all(start + each.width <= whole.width for each in profiles for start in each.starts)
        assert cut([profiles[0]] * len(profiles[0].starts)) is not None
        assert cut([profiles[0]] * (len(profiles[0].starts) + 1)) is None
        assert cut([whole, profiles[0]]) is None


def test_cards_that_the_table_does_not_know_have_no_slices() -> None:
    assert profiles_of("NVIDIA GeForce RTX 4090", 24564) == ()
    assert profiles_of("NVIDIA H200", 143771)[0].name == "1g.18gb"
    assert profiles_of("NVIDIA A100 80GB PCIe", 81920)[0].name == "1g.10gb"
    assert profiles_of("NVIDIA A100-SXM4-40GB", 40960)[0].name == "1g.5gb"
