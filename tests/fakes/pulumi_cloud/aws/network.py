"""VPCs and what is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fakes.pulumi_cloud.aws.kind import Account, Find, Kind
from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError

RULE = {
    "cidrIpv4": "CidrIpv4",
    "cidrIpv6": "CidrIpv6",
    "prefixListId": "PrefixListId",
    "referencedSecurityGroupId": "ReferencedGroupId",
}


def _tags(account: Account, inputs: Properties, kind: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": account.tag_list(inputs)}]


def _vpc(account: Account, inputs: Properties) -> tuple[str, Properties]:
    ec2 = account.at(inputs, "ec2")
    made = ec2.create_vpc(CidrBlock=inputs["cidrBlock"], TagSpecifications=_tags(account, inputs, "vpc"))["Vpc"]
    for flag in ("enableDnsSupport", "enableDnsHostnames"):
        ec2.modify_vpc_attribute(
            VpcId=made["VpcId"], **{flag[0].upper() + flag[1:]: {"Value": inputs.get(flag, flag == "enableDnsSupport")}}
        )
    return made["VpcId"], {"arn": f"arn:aws:ec2:{account.region}:{account.number}:vpc/{made['VpcId']}"}


def _subnet(account: Account, inputs: Properties) -> tuple[str, Properties]:
    made = account.at(inputs, "ec2").create_subnet(
        VpcId=inputs["vpcId"],
        CidrBlock=inputs["cidrBlock"],
        AvailabilityZone=inputs["availabilityZone"],
        TagSpecifications=_tags(account, inputs, "subnet"),
    )["Subnet"]
    return made["SubnetId"], {"arn": made["SubnetArn"]}


def _route_table(account: Account, inputs: Properties) -> tuple[str, Properties]:
    made = account.at(inputs, "ec2").create_route_table(
        VpcId=inputs["vpcId"], TagSpecifications=_tags(account, inputs, "route-table")
    )["RouteTable"]
    return made["RouteTableId"], {}


def _association(account: Account, inputs: Properties) -> tuple[str, Properties]:
    ec2 = account.at(inputs, "ec2")
    made = ec2.associate_route_table(RouteTableId=inputs["routeTableId"], SubnetId=inputs["subnetId"])
    return made["AssociationId"], {}


def _find_association(account: Account, identity: str, state: Properties) -> bool:
    table = account.at(state, "ec2").describe_route_tables(RouteTableIds=[state["routeTableId"]])["RouteTables"][0]
    return any(each.get("RouteTableAssociationId") == identity for each in table["Associations"])


def _flow_log(account: Account, inputs: Properties) -> tuple[str, Properties]:
    answer = account.at(inputs, "ec2").create_flow_logs(
        ResourceIds=[inputs["vpcId"]],
        ResourceType="VPC",
        TrafficType=inputs["trafficType"],
        LogDestinationType=inputs["logDestinationType"],
        LogGroupName=inputs["logDestination"].rpartition(":log-group:")[2],
        DeliverLogsPermissionArn=inputs["iamRoleArn"],
        TagSpecifications=_tags(account, inputs, "vpc-flow-log"),
    )
    if answer["Unsuccessful"]:
        raise RefusedError(answer["Unsuccessful"][0]["Error"]["Message"])
    return answer["FlowLogIds"][0], {}


def _group(account: Account, inputs: Properties) -> tuple[str, Properties]:
    ec2 = account.at(inputs, "ec2")
    made = ec2.create_security_group(
        GroupName=inputs["name"],
        Description=inputs["description"],
        VpcId=inputs["vpcId"],
        TagSpecifications=_tags(account, inputs, "security-group"),
    )["GroupId"]
    # The real provider takes away the rule that AWS gives a new group: everything out.
    ec2.revoke_security_group_egress(
        GroupId=made, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    return made, {"arn": f"arn:aws:ec2:{account.region}:{account.number}:security-group/{made}"}


def _rule(direction: str) -> Callable[[Account, Properties], tuple[str, Properties]]:
    def create(account: Account, inputs: Properties) -> tuple[str, Properties]:
        permission: dict[str, Any] = {
            "IpProtocol": inputs["ipProtocol"],
            "FromPort": inputs["fromPort"],
            "ToPort": inputs["toPort"],
        }
        described = {"Description": inputs["description"]} if "description" in inputs else {}
        if "cidrIpv4" in inputs:
            permission["IpRanges"] = [{"CidrIp": inputs["cidrIpv4"], **described}]
        elif "prefixListId" in inputs:
            permission["PrefixListIds"] = [{"PrefixListId": inputs["prefixListId"], **described}]
        else:
            permission["UserIdGroupPairs"] = [{"GroupId": inputs["referencedSecurityGroupId"], **described}]
        answer = getattr(account.at(inputs, "ec2"), f"authorize_security_group_{direction}")(
            GroupId=inputs["securityGroupId"], IpPermissions=[permission]
        )
        rule = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return rule, {"securityGroupRuleId": rule}

    return create


def _unrule(direction: str) -> Find:
    def delete(account: Account, identity: str, state: Properties) -> None:
        getattr(account.at(state, "ec2"), f"revoke_security_group_{direction}")(
            GroupId=state["securityGroupId"], SecurityGroupRuleIds=[identity]
        )

    return delete


def _check_rule(inputs: Properties) -> list[tuple[str, str]]:
    ends = [key for key in RULE if key in inputs]
    return [] if len(ends) == 1 else [("", f"Exactly one of these attributes must be configured: {', '.join(RULE)}")]


def _find_rule(account: Account, identity: str, state: Properties) -> Any:
    return account.at(state, "ec2").describe_security_group_rules(SecurityGroupRuleIds=[identity])["SecurityGroupRules"]


def _endpoint(account: Account, inputs: Properties) -> tuple[str, Properties]:
    ec2, region = account.at(inputs, "ec2"), inputs.get("region", account.region)
    if not inputs["serviceName"].startswith(f"com.amazonaws.{region}."):
        raise RefusedError(f"InvalidServiceName: The Vpc Endpoint Service '{inputs['serviceName']}' does not exist")
    optional = {
        "VpcEndpointType": inputs.get("vpcEndpointType", "Gateway"),
        "RouteTableIds": inputs.get("routeTableIds"),
        "SubnetIds": inputs.get("subnetIds"),
        "SecurityGroupIds": inputs.get("securityGroupIds"),
        "PolicyDocument": inputs.get("policy"),
        "PrivateDnsEnabled": inputs.get("privateDnsEnabled"),
    }
    made = ec2.create_vpc_endpoint(
        VpcId=inputs["vpcId"],
        ServiceName=inputs["serviceName"],
        TagSpecifications=_tags(account, inputs, "vpc-endpoint"),
        **{key: value for key, value in optional.items() if value is not None},
    )["VpcEndpoint"]
    lists = ec2.describe_managed_prefix_lists()["PrefixLists"]
    listed = [each["PrefixListId"] for each in lists if each["PrefixListName"] == inputs["serviceName"]]
    return made["VpcEndpointId"], {"prefixListId": listed[0]} if listed else {}


def _find_endpoint(account: Account, identity: str, state: Properties) -> bool:
    found = account.at(state, "ec2").describe_vpc_endpoints(VpcEndpointIds=[identity])["VpcEndpoints"]
    return any(each["State"].lower() not in ("deleting", "deleted") for each in found)


def _plain(noun: str, create: Callable[[Account, Properties], tuple[str, Properties]], key: str) -> Kind:
    """What is described by a list of ids, and deleted by one."""
    return Kind(
        create,
        lambda account, identity, state: getattr(account.at(state, "ec2"), f"describe_{noun}s")(
            **{f"{key}s": [identity]}
        ),
        lambda account, identity, state: getattr(account.at(state, "ec2"), f"delete_{noun}")(**{key: identity}),
    )


KINDS = {
    "aws:ec2/vpc:Vpc": _plain("vpc", _vpc, "VpcId"),
    "aws:ec2/subnet:Subnet": _plain("subnet", _subnet, "SubnetId"),
    "aws:ec2/routeTable:RouteTable": _plain("route_table", _route_table, "RouteTableId"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Kind(
        _association,
        _find_association,
        lambda account, identity, state: account.at(state, "ec2").disassociate_route_table(AssociationId=identity),
    ),
    "aws:ec2/flowLog:FlowLog": Kind(
        _flow_log,
        lambda account, identity, state: account.at(state, "ec2").describe_flow_logs(FlowLogIds=[identity])["FlowLogs"],
        lambda account, identity, state: account.at(state, "ec2").delete_flow_logs(FlowLogIds=[identity]),
    ),
    "aws:ec2/securityGroup:SecurityGroup": Kind(
        _group,
        lambda account, identity, state: account.at(state, "ec2").describe_security_groups(GroupIds=[identity]),
        lambda account, identity, state: account.at(state, "ec2").delete_security_group(GroupId=identity),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Kind(
        _rule("ingress"), _find_rule, _unrule("ingress"), check=_check_rule
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Kind(
        _rule("egress"), _find_rule, _unrule("egress"), check=_check_rule
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Kind(
        _endpoint,
        _find_endpoint,
        lambda account, identity, state: account.at(state, "ec2").delete_vpc_endpoints(VpcEndpointIds=[identity]),
    ),
}
