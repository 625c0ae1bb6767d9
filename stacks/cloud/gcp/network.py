"""A private network: one subnet, no gateway, no NAT. One route leads out, to Google's own services."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

HTTPS, SSH = "443", "22"
# Addresses within Google's network of the services that VPC Service Controls know; nothing else answers there.
# https://cloud.google.com/vpc/docs/configure-private-google-access
RESTRICTED = "199.36.153.4/30"
RESTRICTED_NAME = "restricted.googleapis.com."
RESTRICTED_ADDRESSES = ["199.36.153.4", "199.36.153.5", "199.36.153.6", "199.36.153.7"]
# Where tunnels of the Identity-Aware Proxy come from: https://cloud.google.com/iap/docs/using-tcp-forwarding
IAP = "35.235.240.0/20"
ANYWHERE = "0.0.0.0/0"
LAST = 65534  # right before what a network permits by itself
TTL = 300  # seconds


@dataclass(frozen=True)
class NetworkArgs:
    """Arguments of Network. `clients` are the only networks from which the gateway's `port` is reached."""

    region: str
    addresses: str
    clients: tuple[str, ...]
    port: int
    account: pulumi.Output[str]


class Network(pulumi.ComponentResource):
    """Network, subnet with a log of its connections, names and rules. The rules hold for the machine's account alone.

    Attributes:
        subnet: id.
    """

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:gcp:Network", name, None, opts)
        self._name, self._args, self._mine = name, args, pulumi.ResourceOptions(parent=self)
        network = gcp.compute.Network(
            name,
            name=name,
            auto_create_subnetworks=False,
            delete_default_routes_on_create=True,
            routing_mode="REGIONAL",
            opts=self._mine,
        )
        subnet = gcp.compute.Subnetwork(
            name,
            name=name,
            network=network.id,
            region=args.region,
            ip_cidr_range=args.addresses,
            private_ip_google_access=True,
            log_config={
                "aggregation_interval": "INTERVAL_10_MIN",
                "flow_sampling": 1.0,
                "metadata": "INCLUDE_ALL_METADATA",
            },
            opts=self._mine,
        )
        gcp.compute.Route(
            name,
            name=f"{name}-google",
            network=network.id,
            dest_range=RESTRICTED,
            next_hop_gateway="default-internet-gateway",  # its name for Google's own addresses too
            opts=self._mine,
        )
        self._names(network.id)
        self._firewall("no-way-out", network.id, "EGRESS", ANYWHERE, priority=LAST)
        self._firewall("to-google", network.id, "EGRESS", RESTRICTED, port=HTTPS)
        self._firewall("from-iap", network.id, "INGRESS", IAP, port=SSH)
        if args.clients:
            self._firewall("from-clients", network.id, "INGRESS", *args.clients, port=str(args.port))
        self.subnet = subnet.id
        self.register_outputs({"subnet": self.subnet})

    def _names(self, network: pulumi.Input[str]) -> None:
        """Every name of Google's services leads to the addresses that the route leads to."""
        zone = gcp.dns.ManagedZone(
            self._name,
            name=f"{self._name}-google",
            dns_name="googleapis.com.",
            visibility="private",
            private_visibility_config={"networks": [{"network_url": network}]},
            opts=self._mine,
        )
        for name, kind, answers in (
            (RESTRICTED_NAME, "A", RESTRICTED_ADDRESSES),
            ("*.googleapis.com.", "CNAME", [RESTRICTED_NAME]),
        ):
            gcp.dns.RecordSet(
                f"{self._name}-{kind.lower()}",
                managed_zone=zone.name,
                name=name,
                type=kind,
                ttl=TTL,
                rrdatas=answers,
                opts=self._mine,
            )

    def _firewall(
        self, name: str, network: pulumi.Input[str], direction: str, *ranges: str, port: str = "", priority: int = 1000
    ) -> None:
        """A rule that lets `port` through, or without one nothing."""
        rule = {"allows": [{"protocol": "tcp", "ports": [port]}]} if port else {"denies": [{"protocol": "all"}]}
        side = "source_ranges" if direction == "INGRESS" else "destination_ranges"
        gcp.compute.Firewall(
            f"{self._name}-{name}",
            name=f"{self._name}-{name}",
            network=network,
            direction=direction,
            priority=priority,
            target_service_accounts=[self._args.account],
            log_config={"metadata": "INCLUDE_ALL_METADATA"},
            opts=self._mine,
            **{side: list(ranges)},
            **rule,
        )
