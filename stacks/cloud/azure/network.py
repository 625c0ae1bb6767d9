"""A private network of three subnets: the machine, the way to the bundle, and Bastion, by which people come."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_azure_native as azure

from stacks.cloud.azure.group import Group

BLOBS = "privatelink.blob.core.windows.net"
BASTION = "AzureBastionSubnet"  # Azure finds it by this name, and wants 64 addresses
BASTION_PREFIX = 26
HTTPS, SSH = "443", "22"
FIRST, LAST = 100, 4096  # priorities


@dataclass(frozen=True)
class NetworkArgs:
    """Arguments of Network. `clients` are the only networks from which the gateway's `port` is reached."""

    group: Group
    addresses: str
    clients: tuple[str, ...]
    port: int
    account: pulumi.Input[str]
    workspace: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """Network, rules, a private endpoint of the storage account, and Bastion.

    Attributes:
        subnet: id of the machine's.
        bastion: its name.
    """

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:azure:Network", name, None, opts)
        self._name, self._group, self._mine = name, args.group, pulumi.ResourceOptions(parent=self)
        machine, storage, bastion, *_ = IPv4Network(args.addresses).subnets(new_prefix=BASTION_PREFIX)
        rules = [
            _rule("from-bastion", "Inbound", "Allow", str(bastion), SSH, FIRST),
            *(
                _rule(f"from-client-{at}", "Inbound", "Allow", each, str(args.port), FIRST + 1 + at)
                for at, each in enumerate(args.clients)
            ),
            _rule("nobody-else", "Inbound", "Deny", "*", "*", LAST),
            _rule("to-bundle", "Outbound", "Allow", str(storage), HTTPS, FIRST),
            _rule("no-way-out", "Outbound", "Deny", "*", "*", LAST),
        ]
        guard = azure.network.NetworkSecurityGroup(
            name, network_security_group_name=name, security_rules=rules, **self._here
        )
        network = azure.network.VirtualNetwork(
            name, virtual_network_name=name, address_space={"address_prefixes": [args.addresses]}, **self._here
        )
        ours = self._subnet(network.name, "machine", machine, network_security_group={"id": guard.id})
        theirs = self._subnet(network.name, "storage", storage, after=[ours])
        doors = self._subnet(network.name, BASTION, bastion, after=[theirs])
        self._endpoint(network.id, theirs.id, args.account)
        self.bastion = self._bastion(doors.id, args.workspace)
        self.subnet = ours.id
        self.register_outputs({"subnet": self.subnet})

    @property
    def _here(self) -> dict[str, object]:
        group = self._group
        return {
            "resource_group_name": group.name,
            "location": group.region,
            "tags": group.tags,
            "opts": self._mine,
        }

    def _subnet(
        self,
        network: pulumi.Input[str],
        name: str,
        addresses: IPv4Network,
        *,
        after: list[pulumi.Resource] | None = None,
        **more: object,
    ) -> azure.network.Subnet:
        """One without Azure's own way out. A network is changed by one request at a time, hence `after`."""
        return azure.network.Subnet(
            f"{self._name}-{name.lower()}",
            subnet_name=name,
            virtual_network_name=network,
            resource_group_name=self._group.name,
            address_prefix=str(addresses),
            default_outbound_access=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=after or []),
            **more,
        )

    def _endpoint(self, network: pulumi.Input[str], subnet: pulumi.Input[str], account: pulumi.Input[str]) -> None:
        """The storage account has an address of this network, and its name leads there."""
        names = azure.privatedns.PrivateZone(
            self._name,
            private_zone_name=BLOBS,
            resource_group_name=self._group.name,
            location="Global",
            tags=self._group.tags,
            opts=self._mine,
        )
        link = azure.privatedns.VirtualNetworkLink(
            self._name,
            virtual_network_link_name=self._name,
            private_zone_name=names.name,
            resource_group_name=self._group.name,
            location="Global",
            registration_enabled=False,
            virtual_network={"id": network},
            tags=self._group.tags,
            opts=self._mine,
        )
        endpoint = azure.network.PrivateEndpoint(
            self._name,
            private_endpoint_name=self._name,
            subnet={"id": subnet},
            private_link_service_connections=[
                {"name": "bundle", "private_link_service_id": account, "group_ids": ["blob"]}
            ],
            **self._here,
        )
        azure.network.PrivateDnsZoneGroup(
            self._name,
            private_dns_zone_group_name="bundle",
            private_endpoint_name=endpoint.name,
            resource_group_name=self._group.name,
            private_dns_zone_configs=[{"name": "blob", "private_dns_zone_id": names.id}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[link]),
        )

    def _bastion(self, subnet: pulumi.Input[str], workspace: pulumi.Input[str]) -> pulumi.Output[str]:
        """Bastion has a public address so that the machine needs none; people sign in to Azure before they reach it."""
        address = azure.network.PublicIPAddress(
            f"{self._name}-bastion",
            public_ip_address_name=f"{self._name}-bastion",
            public_ip_allocation_method="Static",
            sku={"name": "Standard", "tier": "Regional"},
            **self._here,
        )
        host = azure.network.BastionHost(
            self._name,
            bastion_host_name=self._name,
            sku={"name": "Standard"},  # the smallest that leads a command line's tunnel
            enable_tunneling=True,
            enable_shareable_link=False,
            ip_configurations=[{"name": "door", "subnet": {"id": subnet}, "public_ip_address": {"id": address.id}}],
            **self._here,
        )
        azure.monitor.DiagnosticSetting(
            f"{self._name}-bastion",
            name=self._name,
            resource_uri=host.id,
            workspace_id=workspace,
            logs=[{"category_group": "allLogs", "enabled": True}],
            opts=self._mine,
        )
        name: pulumi.Output[str] = host.name
        return name


def _rule(name: str, direction: str, access: str, there: str, port: str, priority: int) -> dict[str, object]:
    """A rule on what comes from `there`, or goes there."""
    inbound = direction == "Inbound"
    return {
        "name": name,
        "direction": direction,
        "access": access,
        "protocol": "*" if port == "*" else "Tcp",
        "priority": priority,
        "source_address_prefix": there if inbound else "*",
        "source_port_range": "*",
        "destination_address_prefix": "*" if inbound else there,
        "destination_port_range": port,
    }
