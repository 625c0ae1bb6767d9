"""Machines of your own as a ComputeProvider. Where a provider has an account, each machine has a file: its lease."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from pydantic import ValidationError
from ruamel.yaml import YAML

from trivet.drivers.clock import Clock, SystemClock
from trivet.drivers.compute import Offer, Order
from trivet.drivers.host import Completed, Host
from trivet.drivers.own_node.machine import Lease, Machine
from trivet.errors import AmbiguousError, CapacityError, CloudError, HostError
from trivet.idle.charter import LAUNCH_ID, STACK
from trivet.idle.node import Node
from trivet.render.cloud_init import ARMED_FILE

LOCK_SECONDS = 60.0
END_SECONDS = 180.0
Connect = Callable[[Machine], AbstractContextManager[Host]]


class OwnNodes:
    """Implements `trivet.drivers.compute.ComputeProvider`.

    A kind is a machine's name: there is one of each. Who logs in, and which ports are open, its owner has settled: an
    order's key and doors change nothing there, and so does nothing that is left beside it.
    """

    name = "own"

    def __init__(self, machines: Sequence[Machine], connect: Connect, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self._machines = {machine.name: machine for machine in machines}
        self._connect = connect

    def offers(self) -> list[Offer]:
        """See `ComputeProvider.offers`: what can be reached, and is not lent."""
        return [
            Offer(kind=machine.name, region=machine.region, cents_per_hour=machine.cents_per_hour)
            for machine in self._machines.values()
            if self._is_free(machine)
        ]

    def nodes(self) -> list[Node]:
        """See `ComputeProvider.nodes`. One that cannot be reached is left out: `node` says why."""
        return [node for machine in self._machines.values() if (node := self._reached(machine)) is not None]

    def node(self, node_id: str) -> Node | None:
        """See `ComputeProvider.node`."""
        machine = self._machines.get(node_id.partition("/")[0])
        if machine is None:
            return None
        try:
            node = self._look(machine)
        except CloudError:
            if machine.off_when_ended:
                return None
            raise
        return node if node and node.id == node_id else None

    def launch(self, order: Order) -> str:
        """See `ComputeProvider.launch`: take the lease, then do what cloud-init would with `bootcmd`."""
        machine = self._machines[order.offer.kind]
        lease = Lease(name=order.name, tags=dict(order.tags), phase="booting")
        with self._on(machine) as host, _locked(host, machine):
            if host.read(machine.lease_file) is not None:
                raise _lent(machine)
            host.write(machine.end_program, machine.end_text(order.tags[STACK]).encode(), mode=0o700)
            try:
                _write(host, machine, lease)
                try:
                    _begin(host, machine, order.user_data)
                except CloudError:
                    host.run([machine.end_program], timeout=END_SECONDS)
                    raise
                _write(host, machine, lease.model_copy(update={"phase": "active"}))
            except HostError as exc:
                raise AmbiguousError(
                    code="lost", where=machine.name, value=exc.value, rule=exc.rule, remedy="run the same command again"
                ) from exc
        return _id(machine, lease)

    def rename(self, node_id: str, name: str) -> None:
        """See `ComputeProvider.rename`."""
        with self._leased(node_id) as (machine, host, lease):
            _write(host, machine, lease.model_copy(update={"name": name}))

    def end(self, node_ids: Collection[str]) -> None:
        """See `ComputeProvider.end`: the stack is stopped, then what the machine's owner declared is done."""
        for node_id in node_ids:
            if self.node(node_id) is not None:
                with self._leased(node_id) as (machine, host, _):
                    _require(machine, host.run([machine.end_program], timeout=END_SECONDS))

    def dismiss(self, label: str) -> None:
        """See `ComputeProvider.dismiss`: nothing was made."""

    def _is_free(self, machine: Machine) -> bool:
        try:
            return self._look(machine) is None
        except CloudError:
            return False

    def _reached(self, machine: Machine) -> Node | None:
        try:
            return self._look(machine)
        except CloudError:
            return None

    def _look(self, machine: Machine) -> Node | None:
        with self._on(machine) as host:
            lease = _lease(host, machine)
        if lease is None:
            return None
        return Node(
            id=_id(machine, lease),
            name=lease.name,
            phase=lease.phase,
            kind=machine.name,
            region=machine.region,
            cents_per_hour=machine.cents_per_hour,
            tags=lease.tags,
            address=machine.target.address,
        )

    @contextmanager
    def _leased(self, node_id: str) -> Iterator[tuple[Machine, Host, Lease]]:
        machine = self._machines[node_id.partition("/")[0]]
        with self._on(machine) as host, _locked(host, machine):
            lease = _lease(host, machine)
            if lease and _id(machine, lease) == node_id:
                yield machine, host, lease
            else:
                raise CloudError(
                    code="object-does-not-exist",
                    where=machine.name,
                    value=f"{node_id} is gone",
                    rule="a lease that is over stays over",
                    remedy="run the same command again",
                )

    @contextmanager
    def _on(self, machine: Machine) -> Iterator[Host]:
        try:
            with self._connect(machine) as host:
                yield host
        except HostError as exc:
            raise CloudError(
                code="unreachable", where=machine.name, value=exc.value, rule=exc.rule, remedy=exc.remedy
            ) from exc


def _id(machine: Machine, lease: Lease) -> str:
    return f"{machine.name}/{lease.tags.get(LAUNCH_ID, '')}"


def _locked(host: Host, machine: Machine) -> AbstractContextManager[None]:
    return host.lock(f"{machine.state}/lock", timeout=LOCK_SECONDS, report=lambda _: None)


def _lease(host: Host, machine: Machine) -> Lease | None:
    text = host.read(machine.lease_file)
    if text is None:
        return None
    try:
        return Lease.model_validate_json(text)
    except ValidationError as exc:
        raise CloudError(
            code="shape",
            where=f"{machine.name}: {machine.lease_file}",
            value=str(exc).splitlines()[0],
            rule="the file is a lease as Trivet writes it",
            remedy=f"run {machine.end_program} there as root, then remove the file",
        ) from exc


def _write(host: Host, machine: Machine, lease: Lease) -> None:
    host.write(machine.lease_file, lease.model_dump_json(by_alias=True).encode(), mode=0o600, directory_mode=0o700)


def _begin(host: Host, machine: Machine, user_data: str) -> None:
    host.remove(ARMED_FILE)  # of an earlier lease in this boot, whose end was cut short
    for script in YAML(typ="safe", pure=True).load(user_data).get("bootcmd", ()):
        _require(machine, host.run(["sh"], stdin=[script.encode()]))


def _require(machine: Machine, done: Completed) -> None:
    if done.code != 0:
        raise CloudError(
            code="failed",
            where=machine.name,
            value=f"{done.argv[0]} ended with {done.code}: {done.stderr.strip()[-300:]}",
            rule="what begins or ends a lease succeeds",
            remedy="mend it there, then run the same command again",
        )


def _lent(machine: Machine) -> CapacityError:
    return CapacityError(
        code="lent",
        where=machine.name,
        value="it is lent already",
        rule="a machine is lent to one stack at a time",
        remedy="wait for the end of its lease, or name another machine",
    )
