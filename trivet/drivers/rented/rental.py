"""Everything that a stack rents its node by: the provider's inputs, and what a driver carries out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from trivet.drivers.compute import Door
from trivet.drivers.rented.access import Access
from trivet.drivers.rented.bill import Budget
from trivet.drivers.rented.guard_files import guard_files
from trivet.drivers.rented.launch import Choice, Wish
from trivet.idle.charter import Charter
from trivet.idle.sealed import lease_secret
from trivet.idle.watchdog import Terms
from trivet.render.cloud_init import NodeSetup, Way, cloud_init
from trivet.spec import Settings
from trivet.spec.base import Frozen
from trivet.spec.rental import HOUR, MINUTE

SSH, LOOPBACK = 22, "127.0.0.1"
USER = "ubuntu"


class DoorSpec(Frozen):
    """A TCP port, and the network that may reach it."""

    port: Annotated[int, Field(ge=1, le=65535)]
    source: str
    why: str


class Rental(Frozen):
    """One stack's node. Times in seconds, money in cents. Relative paths start at the operator's checkout."""

    stack: str
    kinds: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    regions: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    ttl: int
    max_ttl: int
    idle: int
    poll: int
    key_on_node: bool
    broker: Annotated[str | None, Field(description="Where a broker answers that ends the node at its request.")] = None
    doors: Annotated[tuple[DoorSpec, ...], Field(strict=False)]
    metrics: str
    drain_file: str
    budget_cents: int
    multiplier: float
    ledger: str
    ssh_directory: str
    known_hosts: str
    may_pass: Annotated[
        bool, Field(description="Another provider is asked next: what cannot be rented here is passed over.")
    ] = False
    ssh_wait: Annotated[
        int, Field(ge=0, description="How long an active node may take until SSH answers; 0: nobody waits.")
    ] = 300

    @property
    def access(self) -> Access:
        """The stack's SSH keys."""
        return Access(Path(self.ssh_directory))

    @property
    def choice(self) -> Choice:
        """What may be rented."""
        return Choice(self.kinds, self.regions, self.ttl, Budget(self.budget_cents, self.multiplier))

    @property
    def caveat(self) -> str:
        """What is to be known of it beforehand; empty where there is nothing."""
        if self.key_on_node or self.broker:
            return ""
        return "nothing on the node can end it: idle, it is billed until a reaper ends it; see lambda.broker"

    def wish(self, url: Callable[[], str], key: Callable[[], str]) -> Wish:
        """What is wanted of a provider.

        Args:
            url: of the provider; asked for only where it is put on the node, with the key.
            key: of the account; asked for only where it, or a secret made from it, is put on the node.
        """
        access = self.access
        return Wish(
            stack=self.stack,
            choice=self.choice,
            max_ttl=self.max_ttl,
            label=access.label(self.stack),
            public_key=access.public_key,
            doors=tuple(Door(door.port, door.source, door.why) for door in self.doors),
            user_data=functools.partial(self._user_data, url, key),
        )

    def _user_data(self, url: Callable[[], str], key: Callable[[], str], charter: Charter) -> str:
        return cloud_init(
            NodeSetup(
                charter=charter,
                terms=Terms(window=self.idle, poll=self.poll),
                modules=guard_files(),
                sources=(self.metrics,),
                drain_file=self.drain_file,
                host_key=self.access.host_key,
                way=self._way(url, key, charter),
            )
        )

    def _way(self, url: Callable[[], str], key: Callable[[], str], charter: Charter) -> Way | None:
        if self.broker:
            return Way("broker", {"url": self.broker}, lease_secret(key(), charter.launch_id))
        return Way("lambda", {"url": url()}, key()) if self.key_on_node else None


def rental(settings: Settings, *, stack: str, port: int, root: str) -> Rental:
    """What `stack` rents with target lambda.

    Args:
        settings: the stack's, with `lambda`.
        stack: its name.
        port: of the gateway on the node.
        root: of the installation on the node.
    """
    rented = settings.lambda_cloud
    if rented is None:
        raise ValueError("target lambda has lambda settings: Settings sees to it")
    ports = {SSH: "SSH"} if settings.bind == LOOPBACK else {SSH: "SSH", port: "gateway"}
    return Rental(
        stack=stack,
        kinds=rented.instance_types,
        regions=settings.regions,
        ttl=round(rented.ttl_hours * HOUR),
        max_ttl=round(rented.max_ttl_hours * HOUR),
        idle=round(rented.idle_minutes * MINUTE),
        poll=rented.poll_seconds,
        key_on_node=rented.key_on_node,
        broker=rented.broker,
        doors=tuple(
            DoorSpec(port=number, source=network, why=why)
            for number, why in ports.items()
            for network in rented.allow_from
        ),
        metrics=f"http://{LOOPBACK}:{port}/metrics",
        drain_file=f"{root}/etc/draining",
        budget_cents=round(rented.monthly_budget * 100),
        multiplier=rented.multiplier,
        ledger=".trivet/rented",
        ssh_directory=f".trivet/ssh/{stack}",
        known_hosts=".trivet/known_hosts",
    )
