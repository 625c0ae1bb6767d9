"""What Pulumi is told of properties that break a rule."""

from __future__ import annotations

from collections.abc import Collection

from pulumi.provider.experimental import provider as rpc
from pydantic import ValidationError

from trivet.errors import TrivetError
from trivet.provider.changes import path_of

DESTROY = "destroy the stack with the version that wrote it (see `pulumi stack history`), then deploy anew"


def unknown(given: Collection[str], inputs: Collection[str]) -> list[rpc.CheckFailure]:
    """One failure for each property that the resource type does not have."""
    return [rpc.CheckFailure(key, "there is no such property") for key in sorted(set(given).difference(inputs))]


def broken(exc: ValidationError) -> list[rpc.CheckFailure]:
    """One failure for each property whose value breaks a rule."""
    return [rpc.CheckFailure(path_of(error["loc"]), error["msg"]) for error in exc.errors()]


def of_another_version(exc: ValidationError, what: str, remedy: str = DESTROY) -> TrivetError:
    """The error for a state that this version did not write."""
    first = exc.errors()[0]
    return TrivetError(
        where=path_of(first["loc"]),
        value=first["msg"],
        rule=f"Pulumi's state describes {what} as this version of Trivet writes it",
        remedy=remedy,
    )
