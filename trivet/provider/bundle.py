"""`trivet:host:Bundle`: a stack, installed on a host.

Its inputs are an Installation, and the observation that is made of it when all is well: `containers`, `config` and
`keys`, which `check` fills in. Its state holds what was really observed, so drift is an ordinary difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue
from pydantic import ValidationError

from trivet.drivers.bundle import NOTHING, HalfDoneError, Observation, Site, desired, install, look, observe, remove
from trivet.drivers.bundle.keys import KeyRing
from trivet.drivers.host import Host
from trivet.drivers.rented.providers import open_lambda
from trivet.drivers.targets import connect
from trivet.errors import HostError
from trivet.idle.charter import charter_of
from trivet.provider.changes import changes
from trivet.provider.log import EngineLog
from trivet.provider.refusals import broken, of_another_version, unknown
from trivet.provider.resource import InitFailedError, Resource
from trivet.provider.values import UNKNOWN, Properties, plain, plain_map, sendable, text_of, wrap_map
from trivet.render import Installation

SECRET = "frontierApiKey"  # noqa: S105  # a property's name
SUDO_PASSWORD = "sudoPassword"  # noqa: S105  # likewise
OBSERVED = frozenset(Observation.model_json_schema(by_alias=True)["properties"])
INSTALLED = frozenset(Installation.model_json_schema(by_alias=True)["properties"])
CHANGED = "changed"
LAUNCH_ID = "launchId"  # of the rented node that the host is; absent for one that is nobody's to end
INPUTS = OBSERVED | INSTALLED | {SECRET, SUDO_PASSWORD, LAUNCH_ID}
# Another of these is another installation: the old one is removed first, for both want the same port.
IDENTITY = frozenset({"project", "root", "target", "host.address"})


class Bundle:
    """Implements `trivet.provider.resource.Resource`."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._hosts: set[Host] = set()

    def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """See `Resource.check`."""
        given = sendable({key: value for key, value in request.new_inputs.items() if key not in OBSERVED})
        failures = unknown(given, INPUTS)
        failures += _taken_for_another(request.old_inputs, given)
        try:
            wanted = desired(*_keyed(_installation(given)))
        except ValidationError as exc:
            failures += broken(exc)
        except HostError as exc:
            failures.append(rpc.CheckFailure("keyDirectory", str(exc)))
        if failures:
            return rpc.CheckResponse(inputs=request.new_inputs, failures=failures)
        return rpc.CheckResponse(inputs={**given, **wrap_map(wanted.model_dump(by_alias=True))})

    def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """See `Resource.diff`."""
        old = {key: value for key, value in plain_map(request.old_state).items() if key in INPUTS}
        found = changes(old, plain_map(request.new_inputs))
        replaces = sorted(IDENTITY & found.keys())
        for name in replaces:
            found[name] = rpc.PropertyDiff(kind=rpc.PropertyDiffKind.UPDATE_REPLACE, input_diff=False)
        return rpc.DiffResponse(
            changes=bool(found),
            replaces=_named(replaces),
            delete_before_replace=True,
            diffs=_named(found),
            detailed_diff=found,
        )

    def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """See `Resource.create`."""
        installation = _recorded(request.properties)
        if request.preview:
            return rpc.CreateResponse(properties=_outputs(request.properties, installation, None))
        return rpc.CreateResponse(
            resource_id=installation.project, properties=self._install(request.urn, request.properties, installation)
        )

    def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """See `Resource.update`."""
        installation = _recorded(request.news)
        if request.preview:
            return rpc.UpdateResponse(properties=_outputs(request.news, installation, None))
        return rpc.UpdateResponse(properties=self._install(request.urn, request.news, installation))

    def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """See `Resource.read`."""
        if not request.properties:
            raise HostError(
                value=f"import of {request.resource_id}",
                rule="an installation is known from its state, which an import does not have",
                remedy="run `pulumi up`: it takes up what is installed already",
            )
        installation = _recorded(request.properties)
        site = self._site(request.urn, request.properties, installation)
        try:
            observed = observe(site)
        except HostError:
            if not _has_ended(request.properties):
                raise
            observed = None
        if observed is None:
            return rpc.ReadResponse(resource_id="", properties={}, inputs={})
        return rpc.ReadResponse(
            resource_id=request.resource_id,
            properties=_outputs(request.properties, installation, observed),
            inputs=request.inputs,
        )

    def delete(self, request: rpc.DeleteRequest) -> None:
        """See `Resource.delete`."""
        remove(self._site(request.urn, request.properties, _recorded(request.properties)))

    def cancel(self) -> None:
        """See `Resource.cancel`."""
        for host in self._hosts:
            host.cancel()

    def _install(self, urn: str, properties: Properties, installation: Installation) -> Properties:
        site = self._site(urn, properties, installation)
        try:
            observed = install(site, text_of(properties, SECRET))
        except HalfDoneError as exc:
            seen = self._seen(urn, properties, installation)
            outputs = {**_outputs(properties, installation, seen), **_changed_now()}
            raise InitFailedError(installation.project, outputs, [str(exc), *exc.last_words]) from exc
        return {**_outputs(properties, installation, observed), **_changed_now()}

    def _seen(self, urn: str, properties: Properties, installation: Installation) -> Observation:
        """What is there after a failure; nothing, where that cannot be told."""
        try:
            return look(self._site(urn, properties, installation))
        except HostError:
            return NOTHING

    def _site(self, urn: str, properties: Properties, installation: Installation) -> Site:
        host = connect(installation.host, text_of(properties, SUDO_PASSWORD))
        self._hosts.add(host)
        return Site(installation=installation, host=host, report=self._log.of(urn))


def resource(log: EngineLog) -> Resource:
    """The resource type."""
    return Bundle(log)


def _taken_for_another(old: Properties, new: Properties) -> list[rpc.CheckFailure]:
    """Refuse that the only host gives its place, and so its audit and the API keys, to a new one of several."""
    before, after = plain_map(old), plain_map(new)
    was, will_be = ((each.get("host") or {}).get("address") for each in (before, after))
    if not was or was == will_be or before.get("sharesKeys") or not after.get("sharesKeys"):
        return []
    return [
        rpc.CheckFailure(
            "host.address",
            f"{will_be} would take the place of {was}, whose stack, audit and API keys would be removed first: "
            f"keep the present host first in hosts",
        )
    ]


def _has_ended(properties: Properties) -> bool:
    """True for an installation on a rented node that is no more: nobody can be asked what is there, for nothing is."""
    launch_id = properties.get(LAUNCH_ID)
    if launch_id is None:
        return False
    with open_lambda() as provider:
        return not any(
            charter.launch_id == plain(launch_id)
            for node in provider.nodes()
            if node.phase != "ending" and (charter := charter_of(node.tags))
        )


def _named(paths: Iterable[str]) -> list[str]:
    """The inputs that paths lie in."""
    return sorted(INPUTS & {re.split(r"[.\[]", path)[0] for path in paths})


def _recorded(properties: Mapping[str, PropertyValue]) -> Installation:
    """The installation that a state or checked inputs describe."""
    try:
        return _installation(properties)
    except ValidationError as exc:
        raise of_another_version(exc, "the installation") from exc


def _installation(properties: Mapping[str, PropertyValue]) -> Installation:
    return Installation.model_validate({key: plain(value) for key, value in properties.items() if key in INSTALLED})


def _keyed(installation: Installation) -> tuple[Installation, dict[str, str | None]]:
    """The installation, with the hashes of the keys that exist."""
    ring = KeyRing(Path(installation.key_directory))
    return installation, {name: given or ring.sha256(name) for name, given in installation.keys.items()}


def _outputs(properties: Properties, installation: Installation, observed: Observation | None) -> Properties:
    """The inputs as they are, secrets included; what was observed where that is known; what clients need."""
    first = next((name for name, given in installation.keys.items() if given is None), None)
    key_file = str(KeyRing(Path(installation.key_directory)).path(first).resolve()) if first else ""
    known = {"state": PropertyValue(_state(installation, observed))} if observed else {}
    return {
        **sendable({key: value for key, value in properties.items() if key in INPUTS or key == CHANGED}),
        **(wrap_map(observed.model_dump(by_alias=True)) if observed else {}),
        **known,
        "url": PropertyValue(UNKNOWN if UNKNOWN in installation.url else installation.url),
        "keyFile": PropertyValue(key_file),
    }


def _changed_now() -> Properties:
    return {CHANGED: PropertyValue(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")}


def _state(installation: Installation, observed: Observation) -> str:
    """`ready`, or what is not well."""
    ill = [
        f"{service} is {found.state}, {found.health}" if found else f"{service} is absent"
        for service in installation.services
        if (found := observed.containers.get(service)) is None or (found.state, found.health) != ("running", "healthy")
    ]
    return "; ".join(ill) or "ready"
