"""What a package's resources take, read from the classes of its SDK: names, types, and what is required."""

from __future__ import annotations

import collections.abc
import enum
import importlib
import inspect
import sys
import typing
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pulumi
from pulumi import _types
from pulumi.runtime import rpc

UNKNOWN: Final = rpc.UNKNOWN
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
ASSETS: Final = {"c44067f5952c0a294b673a41bacd8c17": pulumi.Asset, "0def7320c3a5731c473e5ecbe6d01bc7": pulumi.Archive}
Failure = tuple[str, str]


class Schema:
    """The resource types of one SDK, such as `pulumi_aws`."""

    def __init__(self, package: str) -> None:
        self._sdk = importlib.import_module(package)
        self._name = package.removeprefix("pulumi_").replace("_", "-")

    @property
    def version(self) -> str:
        """The SDK's version, which its programs ask the plugin for."""
        return str(importlib.import_module(f"{self._sdk.__name__}._utilities").get_version())

    def outputs(self, token: str) -> set[str]:
        """Names of everything that a resource puts out."""
        resource = self._resource(token)
        return set(_types.resource_types(resource)) if resource else set()

    def failures(self, token: str, inputs: Mapping[str, Any]) -> list[Failure]:
        """Whatever is wrong with a resource's inputs, as (property, reason)."""
        found = self._arguments(token)
        if found is None:
            return [("", f"unknown resource type {token}")]
        return list(_object(found, inputs, ""))

    def _arguments(self, token: str) -> type | None:
        if token == f"pulumi:providers:{self._name}":
            return typing.cast("type", self._sdk.ProviderArgs)
        resource = self._resource(token)
        if resource is None:
            return None
        module, name = sys.modules[resource.__module__], resource.__name__
        # Where a nested type has taken the usual name, the SDK's generator chooses the first.
        return typing.cast("type", getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args"))

    def _resource(self, token: str) -> type | None:
        for each in rpc._RESOURCE_MODULES.get(token.rpartition(":")[0], []):
            info = typing.cast("Any", each).mod_info
            if token in info["classes"]:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # the SDK's own, of its other resources
                    module = importlib.import_module(info["fqn"])
                    return typing.cast("type", getattr(module, info["classes"][token]))  # it loads only now
        return None


def _object(kind: type, value: Mapping[str, Any], path: str) -> Iterator[Failure]:
    types = _types.input_type_types(kind)
    for name, each in value.items():
        if name in types:
            yield from _value(types[name], each, _join(path, name))
        elif not name.startswith("__"):
            yield _join(path, name), "no such argument"
    names = _types.input_type_py_to_pulumi_names(kind)
    for parameter in list(inspect.signature(kind.__init__).parameters.values())[1:]:  # type: ignore[misc]
        name = names.get(parameter.name, parameter.name)
        if parameter.default is inspect.Parameter.empty and value.get(name) is None:
            yield _join(path, name), "missing required argument"


def _value(kind: Any, value: object, path: str) -> Iterator[Failure]:
    kind = _plain(kind)
    if value is None or value == UNKNOWN or kind is Any:
        return
    if typing.get_origin(kind) is typing.Union:
        tried = [list(_value(each, value, path)) for each in typing.get_args(kind)]
        yield from [] if [] in tried else tried[0]
    elif not _is_one(kind, value):
        yield path, f"{getattr(kind, '__name__', kind)} is wanted, not {value!r}"
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _value(typing.get_args(kind)[0], each, f"{path}[{at}]")
    elif _is(kind, Mapping):
        for name, each in typing.cast("dict[str, Any]", value).items():
            yield from _value(typing.get_args(kind)[1], each, _join(path, name))
    elif _types.is_input_type(kind):
        yield from _object(kind, typing.cast("dict[str, Any]", value), path)


def _is_one(kind: Any, value: object) -> bool:
    if isinstance(value, dict) and SIGNATURE in value:
        asset = ASSETS.get(value[SIGNATURE])
        return asset is not None and isinstance(kind, type) and issubclass(kind, asset)
    container = _container(kind)
    if container or kind is bool:
        return isinstance(value, container or bool)
    if kind in (int, float):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and (kind is float or float(typing.cast("float", value)).is_integer())
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return value in [each.value for each in kind]
    return kind is str and isinstance(value, str)


def _container(kind: Any) -> type | None:
    """The type of the JSON value that holds other values of this kind."""
    if _is(kind, Sequence):
        return list
    return dict if _is(kind, Mapping) or (isinstance(kind, type) and _types.is_input_type(kind)) else None


def _plain(kind: Any) -> Any:
    """Without Optional, and without what Input[] adds: an awaitable, an Output."""
    if typing.get_origin(kind) is not typing.Union:
        return kind
    kept = [
        each
        for each in typing.get_args(kind)
        if each is not type(None)
        and typing.get_origin(each) not in (collections.abc.Awaitable, pulumi.Output)
        and not isinstance(each, typing.ForwardRef)
        and not (isinstance(each, type) and issubclass(each, dict))  # the same argument, as a TypedDict
    ]
    return typing.Union[tuple(kept)] if kept else Any  # noqa: UP007 - of a list that is known only here


def _is(kind: Any, container: type) -> bool:
    origin = typing.get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, container)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
