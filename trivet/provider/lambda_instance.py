"""`trivet:lambdacloud:Instance`: a node, rented for a stack.

Its inputs are a Rental. A node that ended meanwhile, by itself or by a reaper, is gone at the next refresh, and `up`
rents another one. One that `mayPass` is there without a node where the provider has none to give: `passed` says why,
and it stays so until an input changes.
"""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from paramiko import PKey
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue
from pydantic import ValidationError

from trivet.drivers.clock import SystemClock
from trivet.drivers.compute import ComputeProvider
from trivet.drivers.failover import gives_way
from trivet.drivers.rented import Launch, Ledger, acquire, release
from trivet.drivers.rented.bill import HOUR, dollars, month_to_date
from trivet.drivers.rented.broker_check import require_broker
from trivet.drivers.rented.launch import affordable
from trivet.drivers.rented.providers import lambda_key, lambda_url, open_lambda
from trivet.drivers.rented.reachable import await_ssh
from trivet.drivers.rented.rental import SSH, Rental
from trivet.drivers.rented.sweep import sweep
from trivet.drivers.ssh.pins import Pins
from trivet.errors import TrivetError
from trivet.idle.node import Node
from trivet.provider.changes import changes
from trivet.provider.log import EngineLog
from trivet.provider.refusals import broken, of_another_version, unknown
from trivet.provider.resource import InitFailedError, Resource
from trivet.provider.values import Properties, plain, plain_map, text_of, wrap, wrap_map
from trivet.spec.ssh import SshHop

REMEDY = "run `trivet reap`, and destroy the stack with the version that wrote the state"
INPUTS = frozenset(Rental.model_json_schema(by_alias=True)["properties"])
# These change nothing on a node that runs.
HARMLESS = frozenset({"budgetCents", "multiplier", "ledger", "sshDirectory", "knownHosts", "sshWait", "mayPass"})
PASSED = "passed"


class Instance:
    """Implements `trivet.provider.resource.Resource`."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._interrupted = threading.Event()

    def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """See `Resource.check`."""
        failures = unknown(request.new_inputs, INPUTS)
        try:
            _rental(request.new_inputs)
        except ValidationError as exc:
            failures += broken(exc)
        return rpc.CheckResponse(inputs=request.new_inputs, failures=failures or None)

    def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """See `Resource.diff`: nearly all that a node is, it is from its launch on."""
        old = {key: value for key, value in plain_map(request.old_state).items() if key in INPUTS}
        found = changes(old, plain_map(request.new_inputs))
        named = sorted(INPUTS & {re.split(r"[.\[]", path)[0] for path in found})
        replaces = [name for name in named if name not in HARMLESS or text_of(request.old_state, PASSED)]
        for path in found:
            if re.split(r"[.\[]", path)[0] in replaces:
                found[path] = rpc.PropertyDiff(kind=rpc.PropertyDiffKind.UPDATE_REPLACE, input_diff=False)
        return rpc.DiffResponse(
            changes=bool(found), replaces=replaces, delete_before_replace=True, diffs=named, detailed_diff=found
        )

    def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """See `Resource.create`. A preview asks for capacity and price, and refuses what the budget does not allow."""
        rental = _rental(request.properties)
        if rental.caveat:
            self._log.note(request.urn)(rental.caveat)
        try:
            if request.preview:
                return rpc.CreateResponse(properties={**request.properties, **self._estimate(rental)})
            properties = self._acquire(request.urn, request.properties, rental)
        except TrivetError as exc:
            if not (rental.may_pass and gives_way(exc)) or Ledger(Path(rental.ledger)).open(rental.stack):
                raise
            self._log.note(request.urn)(f"passed over: {exc.value}")
            properties = {**request.properties, PASSED: wrap(str(exc.value))}
            if not request.preview:
                self._tidy(request.urn, rental)
        return rpc.CreateResponse(resource_id="" if request.preview else rental.stack, properties=properties)

    def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """See `Resource.update`: what changes nothing on the node, or what a run that was cut has begun."""
        rental = _rental(request.news)
        if request.preview:
            kept = {key: value for key, value in request.olds.items() if key not in INPUTS}
            return rpc.UpdateResponse(properties={**kept, **request.news})
        return rpc.UpdateResponse(properties=self._acquire(request.urn, request.news, rental))

    def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """See `Resource.read`."""
        if not request.properties:
            raise TrivetError(
                value=f"import of {request.resource_id}",
                rule="a node is known from its state and its ledger, which an import does not have",
                remedy="run `pulumi up`: it takes over the node that the ledger tells of, or rents one",
            )
        rental = _recorded(request.properties)
        if text_of(request.properties, PASSED):
            return rpc.ReadResponse(
                resource_id=request.resource_id, properties=request.properties, inputs=request.inputs
            )
        ledger = Ledger(Path(rental.ledger))
        with self._account() as provider:
            sweep(provider, ledger)
            known = request.properties.get("nodeId")
            node = provider.node(str(known.value)) if known else None
            is_there = node is not None and node.phase in {"booting", "active"}
            if not is_there and not ledger.open(rental.stack):
                # Pulumi forgets it now, and will never ask for its end: so what was made beside it goes here.
                release(provider, ledger, rental.stack, self._log.of(request.urn), also=_launches(request.properties))
                rental.access.remove()
                return rpc.ReadResponse(resource_id="", properties={}, inputs={})
        return rpc.ReadResponse(resource_id=request.resource_id, properties=request.properties, inputs=request.inputs)

    def delete(self, request: rpc.DeleteRequest) -> None:
        """See `Resource.delete`: the node, then what was made beside it, then its keys."""
        rental = _recorded(request.properties)
        if text_of(request.properties, PASSED):
            return
        with self._account() as provider:
            ledger, report = Ledger(Path(rental.ledger)), self._log.of(request.urn)
            release(provider, ledger, rental.stack, report, also=_launches(request.properties))
            sweep(provider, ledger)
        rental.access.remove()

    def cancel(self) -> None:
        """See `Resource.cancel`."""
        self._interrupted.set()

    def _tidy(self, urn: str, rental: Rental) -> None:
        """Leave nothing of launches that were refused. Where none was tried, a provider that is down is not asked."""
        ledger = Ledger(Path(rental.ledger))
        if ledger.launches(rental.stack):
            with self._account() as provider:
                release(provider, ledger, rental.stack, self._log.of(urn))
        rental.access.remove()

    def _acquire(self, urn: str, properties: Properties, rental: Rental) -> Properties:
        ledger = Ledger(Path(rental.ledger))
        if rental.broker and not ledger.open(rental.stack):
            require_broker(rental.broker, lambda_key())
        with self._account() as provider:
            try:
                launch = acquire(provider, ledger, rental.wish(lambda_url, lambda_key), self._log.of(urn))
                node = _there(provider, launch)
                _pin(rental, node.address or "")
                if rental.ssh_wait:
                    await_ssh(node.address or "", SSH, seconds=rental.ssh_wait, clock=provider.clock)
            except TrivetError as exc:
                if not ledger.open(rental.stack):
                    raise
                # Something was launched, and may be there: let Pulumi know of it, so that `destroy` takes it away.
                raise InitFailedError(rental.stack, properties, [str(exc)]) from exc
            spent = month_to_date(ledger.launches(), provider.clock.now())
        return {**properties, **wrap_map(_described(launch, node)), **_money(launch.cents_per_hour, rental, spent)}

    def _estimate(self, rental: Rental) -> Properties:
        """What the first choice would cost; refused where there is none, or a choice that costs too much."""
        ledger = Ledger(Path(rental.ledger))
        with self._account() as provider:
            offers, now = provider.offers(), provider.clock.now()
        offer = affordable(rental.choice, ledger, offers, now)[0]
        return _money(offer.cents_per_hour, rental, month_to_date(ledger.launches(), now))

    @contextmanager
    def _account(self) -> Iterator[ComputeProvider]:
        with open_lambda(os.environ, InterruptibleClock(self._interrupted)) as provider:
            yield provider


class InterruptibleClock(SystemClock):
    """A clock by which nobody sleeps on when the operator has interrupted."""

    def __init__(self, interrupted: threading.Event) -> None:
        self._interrupted = interrupted

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        if self._interrupted.wait(seconds):
            raise TrivetError(
                value="renting was interrupted",
                rule="an interrupted run ends",
                remedy="run the same command again: it takes up what was launched",
            )


def resource(log: EngineLog) -> Resource:
    """The resource type."""
    return Instance(log)


def _there(provider: ComputeProvider, launch: Launch) -> Node:
    node = provider.node(launch.node_id or "")
    if node is None or node.address is None:
        raise TrivetError(
            value=f"{launch.node_id} is gone already",
            rule="a node that is active stays until somebody uses it",
            remedy="run the same command again",
        )
    return node


def _described(launch: Launch, node: Node) -> dict[str, object]:
    return {
        "nodeId": node.id,
        "address": node.address,
        "region": launch.region,
        "instanceType": launch.kind,
        "launchId": launch.launch_id,
        "expiresAt": launch.expires_at,
        "endsBy": launch.ends_by,
    }


def _launches(properties: Mapping[str, PropertyValue]) -> list[str]:
    """What the state itself tells of: it outlives the checkout, and with it the ledger, that launched."""
    return [launch_id] if (launch_id := text_of(properties, "launchId")) else []


def _money(cents_per_hour: int, rental: Rental, spent: float) -> Properties:
    """For people: dollars."""
    most = cents_per_hour * rental.ttl / HOUR * rental.multiplier
    shown = {"pricePerHour": dollars(cents_per_hour), "worstCase": dollars(most), "monthToDate": dollars(spent)}
    return wrap_map({**shown, PASSED: ""})


def _pin(rental: Rental, address: str) -> None:
    """Pin the key that the node was given: nothing is learned from whoever answers there."""
    kind, _, rest = rental.access.host_key.public.partition(" ")
    Pins(Path(rental.known_hosts)).add(SshHop(address=address), PKey.from_type_string(kind, base64.b64decode(rest)))


def _recorded(properties: Mapping[str, PropertyValue]) -> Rental:
    try:
        return _rental(properties)
    except ValidationError as exc:
        raise of_another_version(exc, "the rental", REMEDY) from exc


def _rental(properties: Mapping[str, PropertyValue]) -> Rental:
    return Rental.model_validate({key: plain(value) for key, value in properties.items() if key in INPUTS})
