"""The signed bundle that a stack is installed from, where the settings name one."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import Field, model_validator

from trivet.spec.base import Frozen, refuse

Path = Annotated[str, Field(pattern=r"^[^\x00-\x1f]+$")]


class SignedBundle(Frozen):
    """Where it lies, and which keys are believed: both on the operator's machine."""

    path: Annotated[Path, Field(description="The bundle's directory or tar.")]
    trust: Annotated[Path, Field(description="The pinned keys: a trust.json, which came by another way.")]

    @model_validator(mode="after")
    def _keys_come_by_another_way(self) -> Self:
        if PurePosixPath(self.trust).is_relative_to(PurePosixPath(self.path)):
            refuse("the pinned keys do not come from the bundle", "put trust.json where only root writes", ("trust",))
        return self
