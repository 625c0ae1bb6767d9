"""The engine's protocol around a back end: inputs are checked, then handed over; what it refuses is an error."""
# ruff: noqa: ARG002, N802 - the protocol names the methods and their arguments

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import grpc
from google.protobuf import json_format
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto.plugin_pb2 import PluginInfo
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer

from tests.fakes.pulumi_cloud.schema import UNKNOWN, Failure

Properties = dict[str, Any]
Answer = Callable[..., Any]


class RefusedError(Exception):
    """The cloud refuses, in its own words."""


class Types(Protocol):
    """What a package's resources take and put out."""

    @property
    def version(self) -> str:
        """The SDK's version."""

    def outputs(self, token: str) -> set[str]:
        """Names of everything that a resource puts out."""

    def failures(self, token: str, inputs: Mapping[str, Any]) -> list[Failure]:
        """Whatever is wrong with a resource's inputs."""


class Backend(Protocol):
    """A cloud."""

    def configure(self, config: Mapping[str, Any]) -> None:
        """Take the provider's configuration; RefusedError where the real one refuses it."""

    def failures(self, token: str, inputs: Mapping[str, Any]) -> list[Failure]:
        """What the real plugin refuses of inputs whose names and types are right."""

    def replaces(self, token: str, changed: set[str]) -> bool:
        """Whether a change of these properties is a new resource."""

    def create(self, token: str, inputs: Properties) -> tuple[str, Properties]:
        """Make it; its id and its outputs."""

    def exists(self, token: str, identity: str, state: Properties) -> bool:
        """Whether it is there."""

    def update(self, token: str, identity: str, state: Properties, inputs: Properties) -> Properties:
        """Change it; its outputs."""

    def delete(self, token: str, identity: str, state: Properties) -> None:
        """Remove it; one that is gone is no error."""


class CloudPlugin(ResourceProviderServicer):
    """One configured provider."""

    def __init__(self, schema: Types, backend: Backend) -> None:
        self._schema = schema
        self._backend = backend

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return proto.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> PluginInfo:
        return PluginInfo(version=self._schema.version)

    def CheckConfig(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        given = _config(plain(request.news))
        found = self._schema.failures(
            _token(request.urn), {key: each for key, each in given.items() if key != "version"}
        )
        return proto.CheckResponse(inputs=request.news, failures=_failures(found))

    def DiffConfig(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        changed = plain(request.olds) != plain(request.news)
        return proto.DiffResponse(changes=proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE)

    def Configure(self, request: proto.ConfigureRequest, context: grpc.ServicerContext) -> proto.ConfigureResponse:
        _answer(context, self._backend.configure, _config(plain(request.args)))
        return proto.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: proto.CheckRequest, context: grpc.ServicerContext) -> proto.CheckResponse:
        token, inputs = _token(request.urn), plain(request.news)
        found = self._schema.failures(token, inputs) or self._backend.failures(token, inputs)
        return proto.CheckResponse(inputs=request.news, failures=_failures(found))

    def Diff(self, request: proto.DiffRequest, context: grpc.ServicerContext) -> proto.DiffResponse:
        old, new = plain(request.old_inputs), plain(request.news)
        changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
        if not changed:
            return proto.DiffResponse(changes=proto.DiffResponse.DIFF_NONE)
        replaces = sorted(changed) if self._backend.replaces(_token(request.urn), changed) else []
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME, diffs=sorted(changed), replaces=replaces, deleteBeforeReplace=True
        )

    def Create(self, request: proto.CreateRequest, context: grpc.ServicerContext) -> proto.CreateResponse:
        token, inputs = _token(request.urn), plain(request.properties)
        if request.preview:
            unknown = dict.fromkeys(self._schema.outputs(token) - inputs.keys(), UNKNOWN)
            return proto.CreateResponse(properties=packed({**unknown, **inputs}))
        identity, outputs = _answer(context, self._backend.create, token, inputs)
        return proto.CreateResponse(id=identity, properties=packed({**inputs, **outputs}))

    def Read(self, request: proto.ReadRequest, context: grpc.ServicerContext) -> proto.ReadResponse:
        there = _answer(context, self._backend.exists, _token(request.urn), request.id, plain(request.properties))
        if not there:
            return proto.ReadResponse()
        return proto.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: proto.UpdateRequest, context: grpc.ServicerContext) -> proto.UpdateResponse:
        state, inputs = plain(request.olds), plain(request.news)
        if request.preview:
            return proto.UpdateResponse(properties=packed({**state, **inputs}))
        outputs = _answer(context, self._backend.update, _token(request.urn), request.id, state, inputs)
        return proto.UpdateResponse(properties=packed({**state, **inputs, **outputs}))

    def Delete(self, request: proto.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        _answer(context, self._backend.delete, _token(request.urn), request.id, plain(request.properties))
        return Empty()

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        return Empty()


def plain(properties: Struct) -> Properties:
    """A struct as Python values; whole numbers are ints again."""
    values: Properties = _whole(json_format.MessageToDict(properties))
    return values


def packed(values: Properties) -> Struct:
    """Python values as a struct."""
    struct = Struct()
    struct.update(values)
    return struct


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _config(values: Properties) -> Properties:
    """A provider's configuration travels with everything but strings as JSON text."""
    return {key: _json(each) for key, each in values.items() if not key.startswith("__")}


def _json(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(("[", "{", "true", "false")):
        return value
    return json.loads(value)


def _answer(context: grpc.ServicerContext, ask: Answer, *args: Any) -> Any:
    try:
        return ask(*args)
    except RefusedError as exc:
        return context.abort(grpc.StatusCode.UNKNOWN, str(exc))


def _failures(found: list[Failure]) -> list[proto.CheckFailure]:
    return [proto.CheckFailure(property=name, reason=reason) for name, reason in found]


def _token(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]
