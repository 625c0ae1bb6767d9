"""Providers in order: the next one is registered only where the one before was passed over.

Which that is the provider plugin finds out, at preview as at `up`, and the stack's state remembers it: a stack stays
where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pulumi

from trivet.spec import Lock, Settings, StackSpec

# In any case there are the outputs of every tier; some of these are of one provider alone.
OUTPUTS = (
    "url",
    "keyFile",
    "specDigest",
    "lockDigest",
    "tier",
    "region",
    "target",
    "address",
    "instanceType",
    "pricePerHour",
    "worstCase",
    "monthToDate",
    "tunnel",
)
Outputs = Mapping[str, pulumi.Input[Any]]


@dataclass(frozen=True)
class Leg:
    """A provider's first resource, registered.

    Attributes:
        passed: why the provider was passed over; empty where it was not.
        finish: registers the rest, and gives the outputs.
    """

    passed: pulumi.Output[str]
    finish: Callable[[], Outputs]


@dataclass(frozen=True)
class Turn:
    """When a provider's turn has come.

    Attributes:
        may_pass: there is another one after it.
        keys: directory of the operator's keys; each provider of an order has its own, for while a stack moves from one
            to another there are both, and the one that goes takes its keys along.
    """

    may_pass: bool
    keys: str


NewLeg = Callable[[StackSpec, Lock, Settings, Turn], Leg]
"""Registers a provider's first resource."""


def first_that_can(spec: StackSpec, lock: Lock, settings: Settings, providers: Mapping[str, NewLeg]) -> None:
    """Register what the settings want, and export its outputs."""
    keys = f".trivet/keys/{pulumi.get_stack()}"

    def turn(legs: Sequence[Settings]) -> Callable[[str], pulumi.Input[Any]]:
        first, *others = legs
        own = f"{keys}@{first.target}" if settings.order else keys
        leg = providers[first.target](spec, lock, first, Turn(may_pass=bool(others), keys=own))
        if not others:
            return leg.finish().get
        # Each output asks by itself, so that a preview shows what is known; what is registered, is so once.
        finish, following = cache(leg.finish), cache(lambda: turn(others))
        return lambda name: leg.passed.apply(lambda why: following()(name) if why else finish().get(name))

    outputs = turn(settings.legs)
    for name in OUTPUTS:
        pulumi.export(name, outputs(name))
