"""A private network: one subnet, no gateway, no NAT. Out lead only endpoints of the region's S3 and other services."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

HTTPS = 443


@dataclass(frozen=True)
class NetworkArgs:
    """Arguments of Network.

    Attributes:
        clients: the only networks from which the gateway's `port` is reached.
        to_store: the policy of the way to S3.
        services: services of the region that are reached besides S3.
    """

    region: str
    zone: str
    addresses: str
    clients: tuple[str, ...]
    port: int
    to_store: str
    services: tuple[str, ...]
    log_group_arn: pulumi.Input[str]
    log_role_arn: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """VPC, subnet, endpoints, security groups, and the log of every connection.

    Attributes:
        subnet: id.
        group: id of the machine's security group.
    """

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Network", name, None, opts)
        self._name, self._args, self._mine = name, args, pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.Vpc(
            name, cidr_block=args.addresses, enable_dns_support=True, enable_dns_hostnames=True, opts=self._mine
        )
        subnet = aws.ec2.Subnet(
            name,
            vpc_id=vpc.id,
            cidr_block=args.addresses,
            availability_zone=args.zone,
            map_public_ip_on_launch=False,
            opts=self._mine,
        )
        # Named, so that no route of the main table that somebody adds later counts here.
        routes = aws.ec2.RouteTable(name, vpc_id=vpc.id, opts=self._mine)
        aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=routes.id, opts=self._mine)
        aws.ec2.FlowLog(
            name,
            vpc_id=vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=args.log_group_arn,
            iam_role_arn=args.log_role_arn,
            opts=self._mine,
        )
        machine = self._security_group("machine", vpc.id, "the machine: nobody but the listed clients")
        self._store(vpc.id, routes.id, machine.id)
        if args.services:
            self._services(vpc.id, subnet.id, machine.id)
        for client in args.clients:
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-from-{client}",
                security_group_id=machine.id,
                cidr_ipv4=client,
                ip_protocol="tcp",
                from_port=args.port,
                to_port=args.port,
                description="the gateway",
                opts=self._mine,
            )
        self.subnet, self.group = subnet.id, machine.id
        self.register_outputs({"subnet": self.subnet})

    def _security_group(self, kind: str, vpc: pulumi.Input[str], description: str) -> aws.ec2.SecurityGroup:
        return aws.ec2.SecurityGroup(
            f"{self._name}-{kind}",
            name=f"{self._name}-{kind}",
            description=description,
            vpc_id=vpc,
            opts=self._mine,
        )

    def _store(self, vpc: pulumi.Input[str], routes: pulumi.Input[str], machine: pulumi.Input[str]) -> None:
        name, args = self._name, self._args
        store = aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=vpc,
            service_name=f"com.amazonaws.{args.region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[routes],
            policy=args.to_store,
            opts=self._mine,
        )
        self._https_out(f"{name}-to-s3", machine, prefix_list_id=store.prefix_list_id)

    def _services(self, vpc: pulumi.Input[str], subnet: pulumi.Input[str], machine: pulumi.Input[str]) -> None:
        name, args = self._name, self._args
        doors = self._security_group("endpoints", vpc, "endpoints of services: the machine alone").id
        for service in args.services:
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                vpc_id=vpc,
                service_name=f"com.amazonaws.{args.region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=[subnet],
                security_group_ids=[doors],
                private_dns_enabled=True,
                opts=self._mine,
            )
        self._https_out(f"{name}-to-endpoints", machine, referenced_security_group_id=doors)
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-from-machine",
            security_group_id=doors,
            referenced_security_group_id=machine,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            description="sessions",
            opts=self._mine,
        )

    def _https_out(self, name: str, group: pulumi.Input[str], **to: pulumi.Input[str]) -> None:
        aws.vpc.SecurityGroupEgressRule(
            name, security_group_id=group, ip_protocol="tcp", from_port=HTTPS, to_port=HTTPS, opts=self._mine, **to
        )
