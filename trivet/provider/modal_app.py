"""`trivet:modal:App`: a stack, deployed on Modal.

Its inputs are a ModalApp, and the state that is seen of it when all is well, which `check` fills in. Its state holds
what was really seen, so drift (of the autoscaler, of the region, of a deployment by somebody else) is an ordinary
difference. One that `mayPass` is there without an app where Modal has no place for it: `passed` says why, and it stays
so until an input changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue
from pydantic import ValidationError

from trivet.drivers.bundle.keys import KeyRing
from trivet.drivers.failover import gives_way
from trivet.drivers.modal import AppState, HalfDeployedError, ModalSite, deploy, desired, observe, remove
from trivet.drivers.modal.account import Account
from trivet.drivers.modal.bill import money
from trivet.drivers.modal.observe import look, lookup
from trivet.errors import CloudError, HostError, TrivetError
from trivet.provider.changes import changes
from trivet.provider.log import EngineLog
from trivet.provider.refusals import broken, of_another_version, unknown
from trivet.provider.resource import InitFailedError, Resource
from trivet.provider.values import Properties, plain, plain_map, text_of, wrap, wrap_map
from trivet.render.modal import ModalApp
from trivet.spec.digest import canonical_json

SECRET = "frontierApiKey"  # noqa: S105  # a property's name
STATE, PASSED = "state", "passed"
GIVEN = frozenset(ModalApp.model_json_schema(by_alias=True)["properties"])
INPUTS = GIVEN | {SECRET, STATE}
# Another of these is another app, with a URL of its own; the volumes are named after it.
IDENTITY = frozenset({"name", "environment"})


class App:
    """Implements `trivet.provider.resource.Resource`."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._account: Account | None = None

    def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """See `Resource.check`."""
        given = {key: value for key, value in request.new_inputs.items() if key != STATE}
        failures = unknown(given, INPUTS)
        try:
            app = _app(given)
            ring = KeyRing(Path(app.key_directory))
            keys = {name: sha256 or ring.sha256(name) for name, sha256 in app.keys.items()}
            wanted = desired(app, keys, text_of(given, SECRET))
        except ValidationError as exc:
            failures += broken(exc)
        except HostError as exc:
            failures.append(rpc.CheckFailure("keyDirectory", str(exc)))
        if failures:
            return rpc.CheckResponse(inputs=request.new_inputs, failures=failures)
        return rpc.CheckResponse(inputs={**given, **wrap_map({STATE: wanted.model_dump(mode="json", by_alias=True)})})

    def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """See `Resource.diff`."""
        old = {key: value for key, value in plain_map(request.old_state).items() if key in INPUTS}
        found = changes(old, plain_map(request.new_inputs))
        replaces = sorted(found.keys() if text_of(request.old_state, PASSED) else IDENTITY & found.keys())
        for name in replaces:
            found[name] = rpc.PropertyDiff(kind=rpc.PropertyDiffKind.UPDATE_REPLACE, input_diff=False)
        return rpc.DiffResponse(
            changes=bool(found),
            replaces=replaces,
            delete_before_replace=True,
            diffs=sorted(INPUTS & {re.split(r"[.\[]", path)[0] for path in found}),
            detailed_diff=found,
        )

    def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """See `Resource.create`."""
        app = _recorded(request.properties)
        was_there = False
        try:
            if request.preview:
                shown = self._money(app)
                return rpc.CreateResponse(properties={**_outputs(request.properties, app, None, None), **shown})
            was_there = app.may_pass and lookup(self._site(request.urn, app)) is not None
            properties = self._deploy(request.urn, request.properties, app)
        except (TrivetError, InitFailedError) as exc:
            refusal = _refusal(exc)
            # What was there before, with its audit, is not ours to take away for another provider.
            if was_there or not (app.may_pass and gives_way(refusal)):
                raise
            if isinstance(exc, InitFailedError):
                self._tidy(request.urn, app, exc)
            self._log.note(request.urn)(f"passed over: {refusal.value}")
            properties = {**request.properties, PASSED: wrap(str(refusal.value))}
        return rpc.CreateResponse(resource_id="" if request.preview else app.name, properties=properties)

    def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """See `Resource.update`."""
        app = _recorded(request.news)
        if request.preview:
            outputs = _outputs(request.news, app, None, text_of(request.olds, "url"))
            return rpc.UpdateResponse(properties={**outputs, **self._money(app)})
        return rpc.UpdateResponse(properties=self._deploy(request.urn, request.news, app))

    def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """See `Resource.read`."""
        if not request.properties:
            raise HostError(
                value=f"import of {request.resource_id}",
                rule="a deployment is known from its state, which an import does not have",
                remedy="run `pulumi up`: it takes up what is deployed already",
            )
        app = _recorded(request.properties)
        if text_of(request.properties, PASSED):
            return rpc.ReadResponse(
                resource_id=request.resource_id, properties=request.properties, inputs=request.inputs
            )
        seen = observe(self._site(request.urn, app))
        if seen is None:
            return rpc.ReadResponse(resource_id="", properties={}, inputs={})
        return rpc.ReadResponse(
            resource_id=request.resource_id,
            properties={
                **request.properties,
                **_outputs(request.properties, app, seen, text_of(request.properties, "url")),
            },
            inputs=request.inputs,
        )

    def delete(self, request: rpc.DeleteRequest) -> None:
        """See `Resource.delete`."""
        if not text_of(request.properties, PASSED):
            remove(self._site(request.urn, _recorded(request.properties)))

    def cancel(self) -> None:
        """See `Resource.cancel`."""
        if self._account is not None:
            self._account.close()

    def _deploy(self, urn: str, properties: Properties, app: ModalApp) -> Properties:
        site, shown = self._site(urn, app), self._money(app)
        try:
            seen = deploy(site, text_of(properties, SECRET))
        except HalfDeployedError as exc:
            raise InitFailedError(app.name, _outputs(properties, app, _seen(site), None), [str(exc)]) from exc
        found = lookup(site)
        outputs = _outputs(properties, app, seen, f"{found.url}/v1" if found and found.url else None)
        return {**outputs, **shown}

    def _tidy(self, urn: str, app: ModalApp, half: InitFailedError) -> None:
        """Leave nothing of what was begun; what cannot be taken away is told to Pulumi, and nobody else is asked."""
        try:
            remove(self._site(urn, app))
        except CloudError as exc:
            raise half from exc

    def _money(self, app: ModalApp) -> Properties:
        """For people; refused where it could exceed the budget."""
        return wrap_map(money(app, self._open(), datetime.now(UTC)).shown())

    def _site(self, urn: str, app: ModalApp) -> ModalSite:
        return ModalSite(app=app, account=self._open(), report=self._log.of(urn))

    def _open(self) -> Account:
        if self._account is None:
            self._account = Account()
        return self._account


def resource(log: EngineLog) -> Resource:
    """The resource type."""
    return App(log)


def _refusal(exc: BaseException) -> TrivetError:
    """What Modal, or a rule of ours, said first."""
    while isinstance(exc, InitFailedError | HalfDeployedError) and exc.__cause__ is not None:
        exc = exc.__cause__
    assert isinstance(exc, TrivetError), "both are raised from one"  # noqa: S101  # for the type checker
    return exc


def _seen(site: ModalSite) -> AppState:
    """What is there after a failure; nothing, where that cannot be told."""
    try:
        return look(site)
    except TrivetError:
        return AppState(
            definition="", regions=(), routing_region="", autoscaler=site.app.autoscaler, models={}, keys={}
        )


def _recorded(properties: Mapping[str, PropertyValue]) -> ModalApp:
    """The app that a state or checked inputs describe."""
    try:
        return _app(properties)
    except ValidationError as exc:
        raise of_another_version(exc, "the app") from exc


def _app(properties: Mapping[str, PropertyValue]) -> ModalApp:
    # From JSON, which has no tuples.
    return ModalApp.model_validate_json(
        canonical_json({key: plain(value) for key, value in properties.items() if key in GIVEN})
    )


def _outputs(properties: Properties, app: ModalApp, seen: AppState | None, url: str | None) -> Properties:
    """The inputs as they are, secrets included; what was seen where that is known; what clients need."""
    first = next((name for name, given in app.keys.items() if given is None), None)
    key_file = str(KeyRing(Path(app.key_directory)).path(first).resolve()) if first else ""
    return {
        **{key: value for key, value in properties.items() if key in INPUTS},
        **(wrap_map({STATE: seen.model_dump(mode="json", by_alias=True)}) if seen else {}),
        **({"url": wrap(url)} if url else {}),
        **wrap_map({"keyFile": key_file, PASSED: ""}),
    }
