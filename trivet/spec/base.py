"""What every model of the specification shares: frozen, unknown keys refused, camelCase in YAML."""

from __future__ import annotations

from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,46}[a-z0-9])?$", description="A DNS-like name.")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", description="`sha256:` and 64 hexadecimal digits.")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="An ISO 3166-1 alpha-2 country code.")]


class Frozen(BaseModel):
    """A frozen model that refuses unknown keys and never coerces a value to another type."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


def refuse(rule: str, remedy: str, at: tuple[str | int, ...] = ()) -> NoReturn:
    """Fail validation of the value at hand (or of what lies at `at` within it) with a rule and a remedy of our own."""
    raise PydanticCustomError("trivet_rule", "{rule}", {"rule": rule, "remedy": remedy, "at": at})


def require_unique(kind: str, names: list[str], at: str) -> None:
    """Refuse a list in which one name stands twice; `at` is the list's key."""
    for index, name in enumerate(names):
        if name in names[:index]:
            refuse(f"each {kind} name is used once; {name} stands twice", f"rename one {kind}", (at, index))
