"""`trivet:host:Workstation`: a host on which the Ansible roles hold.

Its inputs are a Setup, and what `check` adds: the digest of the roles, and `pending`, which is empty when all is well.
Its state holds what really was pending when somebody looked last, task by task, so drift is an ordinary difference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue
from pydantic import ValidationError

from trivet.bundle.layout import Layout
from trivet.drivers.ansible import Outcome, Play, Player, TaskFailedError, Witness, roles_digest
from trivet.drivers.ansible.packages import lay_out
from trivet.drivers.facts.collect import gpus
from trivet.drivers.facts.partition import MisfitError, Model, plan
from trivet.drivers.host import Host
from trivet.drivers.targets import connect
from trivet.errors import HostError
from trivet.provider.changes import changes
from trivet.provider.log import EngineLog
from trivet.provider.refusals import broken, of_another_version, unknown
from trivet.provider.resource import InitFailedError, Resource
from trivet.provider.values import Properties, plain, plain_map, text_of, wrap_map
from trivet.render.ansible import Setup

SECRETS = frozenset({"sudoPassword", "secrets"})
PROMISED = frozenset({"roles", "pending"})
DESCRIBED = frozenset(Setup.model_json_schema(by_alias=True)["properties"])
INPUTS = DESCRIBED | PROMISED | SECRETS
# Another of these is another machine; the old one is left as it is.
IDENTITY = frozenset({"host.address"})
UNFINISHED = "the roles"
REMEDY = "run `pulumi up --refresh=false`, which plays the roles anew from the stack's settings"
WAYS = frozenset({"host", "sudoPassword"})  # how it is reached: nothing on it changes


class Workstation:
    """Implements `trivet.provider.resource.Resource`."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._running: set[Host | Player] = set()

    def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """See `Resource.check`."""
        given = {key: value for key, value in request.new_inputs.items() if key not in PROMISED}
        failures = unknown(given, INPUTS)
        try:
            _described(given)
        except ValidationError as exc:
            failures += broken(exc)
        if failures:
            return rpc.CheckResponse(inputs=request.new_inputs, failures=failures)
        return rpc.CheckResponse(inputs={**given, **wrap_map({"roles": roles_digest(), "pending": {}})})

    def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """See `Resource.diff`."""
        found = changes(_inputs(request.old_state), _inputs(request.new_inputs))
        replaces = sorted(IDENTITY & found.keys())
        for name in replaces:
            found[name] = rpc.PropertyDiff(kind=rpc.PropertyDiffKind.UPDATE_REPLACE, input_diff=False)
        return rpc.DiffResponse(
            changes=bool(found),
            replaces=replaces,
            diffs=sorted({re.split(r"[.\[]", path)[0] for path in found}),
            detailed_diff=found,
        )

    def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """See `Resource.create`."""
        if request.preview:
            self._foretell(request.urn, request.properties)
            return rpc.CreateResponse(properties=request.properties)
        return rpc.CreateResponse(
            resource_id=_setup(request.properties).host.known_as,
            properties=self._play(request.urn, request.properties),
        )

    def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """See `Resource.update`."""
        if request.preview:
            # Drift alone was named by the look at the host that found it.
            if _without(_inputs(request.olds), WAYS | {"pending"}) != _without(
                _inputs(request.news), WAYS | {"pending"}
            ):
                self._foretell(request.urn, request.news)
            return rpc.UpdateResponse(properties=request.news)
        return rpc.UpdateResponse(properties=self._play(request.urn, request.news))

    def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """See `Resource.read`: by one look where nothing has changed; in check mode where something has."""
        if not request.properties:
            raise HostError(
                value=f"import of {request.resource_id}",
                rule="a workstation is known from its state, which an import does not have",
                remedy="run `pulumi up`: the roles take up what is there already",
            )
        properties = request.properties
        if not self._is_as_left(properties):
            properties = self._seen(request.urn, properties)
        return rpc.ReadResponse(resource_id=request.resource_id, properties=properties, inputs=request.inputs)

    def delete(self, request: rpc.DeleteRequest) -> None:
        """See `Resource.delete`: what the roles did stays; a machine is not made less safe on the way out."""
        kept = "its engine, rules and settings"
        self._log.note(request.urn)(f"{request.resource_id} keeps {kept}; Trivet looks after them no more")

    def cancel(self) -> None:
        """See `Resource.cancel`."""
        for each in self._running:
            each.cancel()

    def _foretell(self, urn: str, properties: Properties) -> None:
        outcome = self._run(urn, properties, check=True)
        note = self._log.note(urn)
        for line in (*(_shown(name, detail) for name, detail in outcome.changes.items()), *outcome.notices):
            note(line)

    def _play(self, urn: str, properties: Properties) -> Properties:
        self._variables(properties)  # what does not fit is refused before anything changes
        try:
            self._supply(urn, properties)
            outcome = self._run(urn, properties, check=False)
        except HostError as exc:
            outputs = {**properties, **wrap_map({"pending": {UNFINISHED: str(exc)}})}
            raise InitFailedError(_setup(properties).host.known_as, outputs, [str(exc)]) from exc
        note = self._log.note(urn)
        for line in outcome.notices:
            note(line)
        return self._seen(urn, properties)

    def _seen(self, urn: str, properties: Properties) -> Properties:
        """What is pending, and what to look at to know whether that changes."""
        try:
            outcome = self._run(urn, properties, check=True)
        except (TaskFailedError, MisfitError) as exc:
            outcome = Outcome(changes={exc.where: str(exc.value)})
        witness = outcome.witness
        looked = {**witness.plain(), "digest": witness.digest(self._host(properties))} if witness else None
        kept = {key: value for key, value in properties.items() if key in INPUTS}
        seen = {"pending": outcome.changes, "notices": outcome.notices, "witness": looked}
        return {**kept, **wrap_map({**seen, "authority": self._authority(properties)})}

    def _authority(self, properties: Properties) -> str | None:
        """The certificate of the authority that the host is its own."""
        path = _setup(properties).authority_file
        found = self._host(properties).read(path) if path else None
        return found.decode() if found else None

    def _is_as_left(self, properties: Properties) -> bool:
        state = plain_map(properties)
        looked = state.get("witness")
        if not looked or state.get("pending") or state.get("roles") != roles_digest():
            return False
        witness = Witness(tuple(looked["files"]), tuple(tuple(each) for each in looked["commands"]))
        return witness.digest(self._host(properties)) == str(looked["digest"])

    def _run(self, urn: str, properties: Properties, *, check: bool) -> Outcome:
        setup = _setup(properties)
        player = Player(setup.host, text_of(properties, "sudoPassword"))
        self._running.add(player)
        secrets = properties.get("secrets")
        play = Play(self._variables(properties), plain(secrets) if secrets else {})
        return player.run(play, self._log.of(urn), check=check)

    def _variables(self, properties: Properties) -> dict[str, Any]:
        """Those of the setup, with the plan of the cards where models want some and the host shows some."""
        variables = _setup(properties).variables
        if not (models := [Model(**each) for each in variables.get("gpu_partition_models", ())]):
            return variables
        _, cards = gpus(self._host(properties))
        if not cards:
            return variables
        parts = plan(models, cards, mig=variables["gpu_partition_mig"])
        return {**variables, "gpu_partition_cards": [each.plain() for each in parts]}

    def _supply(self, urn: str, properties: Properties) -> None:
        """Bring the packages that the roles install, where the host's own sources are not to be asked."""
        if packages := _setup(properties).packages:
            store = Layout(Path(packages.store))
            lay_out(self._host(properties), store, packages.manifests, self._log.of(urn))

    def _host(self, properties: Properties) -> Host:
        host = connect(_setup(properties).host, text_of(properties, "sudoPassword"))
        self._running.add(host)
        return host


def resource(log: EngineLog) -> Resource:
    """The resource type."""
    return Workstation(log)


def _setup(properties: Mapping[str, PropertyValue]) -> Setup:
    """The setup that a state or checked inputs describe."""
    try:
        return _described(properties)
    except ValidationError as exc:
        raise of_another_version(exc, "the workstation", REMEDY) from exc


def _described(properties: Mapping[str, PropertyValue]) -> Setup:
    return Setup.model_validate({key: plain(value) for key, value in properties.items() if key in DESCRIBED})


def _inputs(properties: Properties) -> dict[str, Any]:
    return {key: value for key, value in plain_map(properties).items() if key in INPUTS}


def _without(data: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in keys}


def _shown(name: str, detail: str) -> str:
    return "\n".join([f"would change: {name}", *(f"    {line}" for line in detail.splitlines())])
