"""What slices a card can be cut into, and whether some of them fit beside each other. Pure.

Source: NVIDIA's MIG user guide, tables of profiles and placements. A card has 8 slices of memory and 7 of compute (an
A30 and an RTX PRO 6000 have 4 of each); a profile takes so many of them, and may begin at certain ones only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Profile:
    """A size of slice: how many slices of memory it takes, and at which of them it may begin."""

    name: str
    gigabytes: int
    width: int
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Cut:
    """A profile at a place."""

    profile: Profile
    start: int

    @property
    def taken(self) -> range:
        """Slices of memory."""
        return range(self.start, self.start + self.profile.width)


def _sevenths(one: int, one_double: int, half: int, whole: int) -> tuple[Profile, ...]:
    """The profiles of a card with 7 compute slices, from their gigabytes; small ones first."""
    return (
        Profile(f"1g.{one}gb", one, 1, (0, 1, 2, 3, 4, 5, 6)),
        Profile(f"1g.{one_double}gb", one_double, 2, (0, 2, 4, 6)),
        Profile(f"3g.{half}gb", half, 4, (0, 4)),
        Profile(f"7g.{whole}gb", whole, 8, (0,)),
    )


def _quarters(one: int) -> tuple[Profile, ...]:
    return (
        Profile(f"1g.{one}gb", one, 1, (0, 1, 2, 3)),
        Profile(f"2g.{2 * one}gb", 2 * one, 2, (0, 2)),
        Profile(f"4g.{4 * one}gb", 4 * one, 4, (0,)),
    )


# By what the driver calls the card, and the MiB that it reports (at least): cards of one name come in several sizes.
TABLE: Final[tuple[tuple[re.Pattern[str], int, tuple[Profile, ...]], ...]] = tuple(
    (re.compile(rf"\b{name}\b"), mib, profiles)
    for name, mib, profiles in (
        ("B200", 175_000, _sevenths(23, 45, 90, 180)),
        ("H200", 140_000, _sevenths(18, 35, 71, 141)),
        ("H100", 93_000, _sevenths(12, 24, 47, 94)),
        ("H100", 79_000, _sevenths(10, 20, 40, 80)),
        ("A100", 79_000, _sevenths(10, 20, 40, 80)),
        ("A100", 39_000, _sevenths(5, 10, 20, 40)),
        ("A30", 23_000, _quarters(6)),
        ("RTX PRO 6000", 95_000, _quarters(24)),
    )
)


def profiles_of(name: str, memory_mib: int) -> tuple[Profile, ...]:
    """The profiles of a card, small ones first; none for a card that is not in the table."""
    return next((found for card, least, found in TABLE if card.search(name) and memory_mib >= least), ())


def cut(profiles: Sequence[Profile]) -> tuple[Cut, ...] | None:
    """Places for all of these, in their order; None where they do not fit beside each other."""
    return _placed(tuple(profiles), frozenset())


def _placed(profiles: tuple[Profile, ...], taken: frozenset[int]) -> tuple[Cut, ...] | None:
    if not profiles:
        return ()
    for each in (Cut(profiles[0], start) for start in profiles[0].starts):
        if taken.isdisjoint(each.taken) and (rest := _placed(profiles[1:], taken.union(each.taken))) is not None:
            return (each, *rest)
    return None


def smallest(profiles: Iterable[Profile], mib: float, usable_mib_a_gb: float) -> Profile | None:
    """The first of these that holds so much."""
    return next((each for each in profiles if each.gigabytes * usable_mib_a_gb >= mib), None)
