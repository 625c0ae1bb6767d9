"""Between Pulumi's property values and plain JSON data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import Computed, PropertyValue

Properties = dict[str, PropertyValue]
# What a preview does not know yet, as Pulumi writes it: text that nothing is ever called.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def plain(value: PropertyValue) -> Any:
    """Plain data. Pulumi knows floats only: a whole number is an int again. Secrets come out bare: mind where to."""
    match value.value:
        case float() as number:
            return int(number) if number.is_integer() else number
        case Computed():
            return UNKNOWN
        case str() | bool() | None as scalar:
            return scalar
        case Mapping() as mapping:
            return {key: plain(item) for key, item in mapping.items()}
        case Sequence() as items:
            return [plain(item) for item in items]
    raise TypeError(f"{value.type.value} is no plain data")


def plain_map(properties: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """Plain data of a resource's properties."""
    return {key: plain(value) for key, value in properties.items()}


def text_of(properties: Mapping[str, PropertyValue], name: str) -> str | None:
    """A text, in the clear though it be secret: mind where to. None where there is none."""
    value = properties.get(name)
    return plain(value) if value else None


def sendable(properties: Mapping[str, PropertyValue]) -> Properties:
    """The same, with what is not known yet in the form that Pulumi's engine reads: the SDK cannot write its own."""
    return {key: _sendable(value) for key, value in properties.items()}


def _sendable(value: PropertyValue) -> PropertyValue:
    match value.value:
        case Computed():
            return PropertyValue(UNKNOWN, value.is_secret, value.dependencies)
        case Mapping() as mapping:
            return PropertyValue(sendable(mapping), value.is_secret, value.dependencies)
        case str():
            return value
        case Sequence() as items:
            return PropertyValue([_sendable(item) for item in items], value.is_secret, value.dependencies)
    return value


def wrap(value: Any) -> PropertyValue:
    """A property value of plain JSON data."""
    match value:
        case bool() | str() | None:
            return PropertyValue(value)
        case int() | float():
            return PropertyValue(float(value))
        case Mapping():
            return PropertyValue({key: wrap(item) for key, item in value.items()})
        case Sequence():
            return PropertyValue([wrap(item) for item in value])
    raise TypeError(f"{type(value).__name__} is no JSON data")


def wrap_map(data: Mapping[str, Any]) -> Properties:
    """Property values of plain JSON data."""
    return {key: wrap(value) for key, value in data.items()}
