"""Which model gets which card, or which part of one: a plan from the models' needs and the host's cards. Pure.

Each model alone on a card, as long as there are cards. Where there are not, cards that can are cut into slices, whose
memory and speed nobody else takes (MIG); on the others models share memory and take turns. All ways are tried, so what
is refused cannot be done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

from trivet.drivers.facts.facts import Card
from trivet.drivers.facts.mig import Cut, Profile, cut, profiles_of, smallest
from trivet.errors import HostError
from trivet.residency.fit import MIB_A_GIB, USABLE

USABLE_MIB: Final = MIB_A_GIB * USABLE  # of a slice's gigabyte


@dataclass(frozen=True)
class Model:
    """What a model asks: `memory_mib` in all, on `width` cards alike."""

    name: str
    memory_mib: int
    width: int = 1

    @property
    def share_mib(self) -> int:
        """On each card."""
        return -(-self.memory_mib // self.width)


class MisfitError(HostError):
    """The models do not fit the host's cards."""


@dataclass(frozen=True)
class Use:
    """A card, and who is on it."""

    card: Card
    models: tuple[Model, ...] = ()

    @property
    def likeness(self) -> tuple[object, ...]:
        """Equal for cards of which it does not matter which one a model gets."""
        return (self.card.name, self.card.memory_mib, tuple(each.share_mib for each in self.models))


@dataclass(frozen=True)
class Partition:
    """How a card is used. `slices` are those of MIG, one a model; without them the models have it whole."""

    card: Card
    models: tuple[Model, ...]
    slices: tuple[Cut, ...]

    def plain(self) -> dict[str, Any]:
        """As the role `gpu_partition` takes it."""
        return {
            "card": self.card.uuid,
            "slices": [each.profile.name for each in self.slices],
            "models": [each.name for each in self.models],
        }


def plan(models: Sequence[Model], cards: Sequence[Card], *, mig: bool = True) -> tuple[Partition, ...]:
    """How each card is used, in the cards' order.

    Args:
        models: those that need a card.
        cards: the host's.
        mig: whether cards may be cut.

    Raises:
        MisfitError: the models do not fit, however they are placed.
    """
    # Great ones first: small ones find a place beside them, and not the other way round.
    ordered = sorted(models, key=lambda each: (-each.width, -each.share_mib, each.name))
    found = _placed(tuple(ordered), tuple(Use(card) for card in cards), mig=mig)
    if found is None:
        raise _misfit(ordered, cards)
    return tuple(Partition(use.card, *_arranged(use, mig=mig)) for use in found)


def _placed(models: tuple[Model, ...], uses: tuple[Use, ...], *, mig: bool) -> tuple[Use, ...] | None:
    if not models:
        return uses
    for after in _ways(models[0], uses, mig=mig):
        if (found := _placed(models[1:], after, mig=mig)) is not None:
            return found
    return None


def _ways(model: Model, uses: tuple[Use, ...], *, mig: bool) -> Iterator[tuple[Use, ...]]:
    """The cards after the model was placed, the better ways first: alone, on the smallest card that takes it."""
    seen = set()
    for chosen in sorted(combinations(range(len(uses)), model.width), key=lambda at: _cost(at, uses)):
        likeness = tuple(uses[at].likeness for at in chosen)
        if likeness not in seen and all(_takes(uses[at], model, mig=mig) for at in chosen):
            seen.add(likeness)
            yield tuple(
                replace(use, models=(*use.models, model)) if at in chosen else use for at, use in enumerate(uses)
            )


def _cost(chosen: tuple[int, ...], uses: tuple[Use, ...]) -> tuple[int, int]:
    return sum(len(uses[at].models) for at in chosen), sum(uses[at].card.memory_mib for at in chosen)


def _takes(use: Use, model: Model, *, mig: bool) -> bool:
    """Whether the card has room for one more. A model on several cards has them to itself."""
    if use.models and max(each.width for each in (*use.models, model)) > 1:
        return False
    wanted = replace(use, models=(*use.models, model))
    return bool(_slices(wanted, mig=mig)) or sum(each.share_mib for each in wanted.models) <= use.card.memory_mib


def _arranged(use: Use, *, mig: bool) -> tuple[tuple[Model, ...], tuple[Cut, ...]]:
    return use.models, _slices(use, mig=mig) if len(use.models) > 1 else ()


def _slices(use: Use, *, mig: bool) -> tuple[Cut, ...]:
    """A slice for each of the models; none where the card cannot be cut so."""
    profiles = profiles_of(use.card.name, use.card.memory_mib) if mig and use.card.mig is not None else ()
    wanted = [smallest(profiles, each.share_mib, USABLE_MIB) for each in use.models]
    chosen: list[Profile] = [each for each in wanted if each]
    return (cut(chosen) or ()) if len(chosen) == len(wanted) else ()


def _misfit(models: Sequence[Model], cards: Sequence[Card]) -> MisfitError:
    asked = ", ".join(
        f"{each.name}: {each.share_mib} MiB" + (f" on each of {each.width} cards" if each.width > 1 else "")
        for each in models
    )
    there = ", ".join(f"{each.name}: {each.memory_mib} MiB" for each in cards) or "no card"
    alone = [each.name for each in models if _placed((each,), tuple(Use(card) for card in cards), mig=False)]
    fits = f"alone would fit: {', '.join(alone)}" if alone else "none of them fits, not even alone"
    return MisfitError(
        where="GPU memory",
        value=f"{asked}; the host has {there}",
        rule="every model that needs a GPU fits the host's cards, beside the others",
        remedy=f"take a model out of the spec, or choose a smaller one or a smaller quantisation ({fits})",
    )
