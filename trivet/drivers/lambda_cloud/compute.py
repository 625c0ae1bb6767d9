"""Lambda as a ComputeProvider."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from trivet.drivers.compute import Door, Offer, Order
from trivet.drivers.lambda_cloud.client import LambdaCloud
from trivet.drivers.lambda_cloud.domain import GONE, FirewallRule, Id, Instance, LaunchRequest, Status, Tag
from trivet.errors import CloudError
from trivet.idle.node import Node, Phase

PHASES: dict[Status, Phase] = {
    "booting": "booting",
    "active": "active",
    "unhealthy": "unhealthy",
    "terminating": "ending",
    "terminated": "ended",
    "preempted": "ended",
}


class LambdaCompute:
    """Implements `trivet.drivers.compute.ComputeProvider`."""

    name = "lambda"

    def __init__(self, cloud: LambdaCloud) -> None:
        self.clock = cloud.clock
        self._cloud = cloud

    def offers(self) -> list[Offer]:
        """See `ComputeProvider.offers`."""
        return [
            Offer(kind=name, region=region.name, cents_per_hour=item.instance_type.price_cents_per_hour)
            for name, item in self._cloud.instance_types().items()
            for region in item.regions_with_capacity_available
        ]

    def nodes(self) -> list[Node]:
        """See `ComputeProvider.nodes`."""
        nodes = (_node(instance) for instance in self._cloud.instances())
        return [node for node in nodes if node.bills]

    def node(self, node_id: str) -> Node | None:
        """See `ComputeProvider.node`."""
        try:
            return _node(self._cloud.instance(node_id))
        except CloudError as exc:
            if exc.code in GONE:
                return None
            raise

    def launch(self, order: Order) -> str:
        """See `ComputeProvider.launch`."""
        region = order.offer.region
        self._admit(order.label, order.public_key)
        return self._cloud.launch(
            LaunchRequest(
                region_name=region,
                instance_type_name=order.offer.kind,
                ssh_key_names=(order.label,),
                name=order.name,
                user_data=order.user_data,
                tags=tuple(Tag(key=key, value=value) for key, value in order.tags.items()),
                firewall_rulesets=(Id(id=self._open(order.label, region, order.doors)),),
            )
        )

    def rename(self, node_id: str, name: str) -> None:
        """See `ComputeProvider.rename`."""
        self._cloud.rename(node_id, name)

    def end(self, node_ids: Collection[str]) -> None:
        """See `ComputeProvider.end`: one by one, for the API refuses a list in which one is gone."""
        for node_id in node_ids:
            with _gone_already():
                self._cloud.terminate([node_id])

    def dismiss(self, label: str) -> None:
        """See `ComputeProvider.dismiss`."""
        for ruleset in self._cloud.firewall_rulesets():
            if ruleset.name == label:
                with _gone_already():
                    self._cloud.delete_firewall_ruleset(ruleset.id)
        for key in self._cloud.ssh_keys():
            if key.name == label:
                with _gone_already():
                    self._cloud.delete_ssh_key(key.id)

    def _admit(self, label: str, public_key: str) -> None:
        """Make the order's SSH key known, once: a label stands for one key."""
        if all(key.name != label for key in self._cloud.ssh_keys()):
            self._cloud.add_ssh_key(label, public_key)

    def _open(self, label: str, region: str, doors: tuple[Door, ...]) -> str:
        """The id of the stack's ruleset in the region, made where there is none that says the same."""
        rules = tuple(
            FirewallRule(
                protocol="tcp", port_range=(door.port, door.port), source_network=door.source, description=door.why
            )
            for door in doors
        )
        for ruleset in self._cloud.firewall_rulesets():
            if (ruleset.name, ruleset.region.name, ruleset.rules) == (label, region, rules):
                return ruleset.id
        return self._cloud.add_firewall_ruleset(label, region, rules).id


@contextmanager
def _gone_already() -> Iterator[None]:
    try:
        yield
    except CloudError as exc:
        if exc.code not in GONE:
            raise


def _node(instance: Instance) -> Node:
    return Node(
        id=instance.id,
        name=instance.name,
        phase=PHASES[instance.status],
        kind=instance.instance_type.name,
        region=instance.region.name,
        cents_per_hour=instance.instance_type.price_cents_per_hour,
        tags={tag.key: tag.value for tag in instance.tags},
        address=instance.ip,
    )
