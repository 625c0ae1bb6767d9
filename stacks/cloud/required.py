"""What spec and settings must have together, on any cloud's machine."""

from __future__ import annotations

from typing import TypeVar

import pulumi

from trivet.errors import SpecError
from trivet.residency.fit import needs_of
from trivet.spec import StackSpec

Own = TypeVar("Own")


def require_own(own: Own | None, key: str) -> Own:
    """The provider's own settings.

    Raises:
        SpecError: there are none.
    """
    if own is None:
        raise SpecError(where=_where(), value=f"no {key}", rule="a cloud has settings of its own", remedy=f"add {key}")
    return own


def require_no_frontier(spec: StackSpec, cloud: str) -> None:
    """Refuse a frontier.

    Raises:
        SpecError: the spec lists one.
    """
    if spec.gateway.frontier:
        raise SpecError(
            where="gateway.frontier",
            value=spec.gateway.frontier.url,
            rule=f"a machine on {cloud} has no way out of its network",
            remedy="remove the frontier from the spec",
        )


def require_image(spec: StackSpec, image: str | None, example: str) -> None:
    """Refuse a GPU without an image that can use it.

    Raises:
        SpecError: the stack needs a GPU, and the settings name no image.
    """
    if image is None and needs_of(spec).memory_mib:
        key, _, value = example.partition(" ")
        raise SpecError(
            where=_where(),
            value=f"no {key}",
            rule="a stack that needs a GPU starts from an image with NVIDIA's driver, and Debian's own has none",
            remedy=f"run `pulumi config set --path {key} {value}` (docs/how-to/cloud.md)",
        )


def _where() -> str:
    return f"stacks/Pulumi.{pulumi.get_stack()}.yaml"
