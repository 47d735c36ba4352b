"""How AWS tells the options of the network: VPCs and what is in them."""

from __future__ import annotations

import json
import typing as t

from .aws import Aws, reader


@reader("vpc")
def vpc(aws: Aws, name: str) -> dict[str, t.Any]:
    found = aws.ec2("describe_vpcs", "Vpcs", "VpcId", name)
    client = aws.client("ec2")

    def attribute(word: str) -> bool:
        shown = client.describe_vpc_attribute(VpcId=found["VpcId"], Attribute=word)
        return shown[word[0].upper() + word[1:]]["Value"]

    blocks = [
        each["CidrBlock"]
        for each in found["CidrBlockAssociationSet"]
        if each["CidrBlockState"]["State"] == "associated"
    ]
    return {
        "cidr": found["CidrBlock"],
        "secondary_cidrs": [block for block in blocks if block != found["CidrBlock"]],
        "dns_support": attribute("enableDnsSupport"),
        "dns_hostnames": attribute("enableDnsHostnames"),
        "tenancy": found["InstanceTenancy"],
    }


@reader("internet_gateway")
def internet_gateway(aws: Aws, name: str) -> dict[str, t.Any]:
    found = aws.ec2("describe_internet_gateways", "InternetGateways", "InternetGatewayId", name)
    [attachment] = found["Attachments"]
    return {"vpc": aws.called(attachment["VpcId"])}


@reader("subnet")
def subnet(aws: Aws, name: str) -> dict[str, t.Any]:
    found = aws.ec2("describe_subnets", "Subnets", "SubnetId", name)
    return {
        "vpc": aws.called(found["VpcId"]),
        "cidr": found["CidrBlock"],
        "zone": found["AvailabilityZone"],
        "tier": aws.tagged[found["SubnetId"]].get("terrace:tier"),
        "map_public_ip": found["MapPublicIpOnLaunch"],
    }


@reader("nat_gateway")
def nat_gateway(aws: Aws, name: str) -> dict[str, t.Any]:
    gateways = aws.pages("ec2", "describe_nat_gateways", "NatGateways")
    [found] = [
        each
        for each in gateways
        if aws.called(each["NatGatewayId"]) == name and each["State"] not in ("deleted", "deleting")
    ]
    allocations = [each.get("AllocationId") for each in found["NatGatewayAddresses"]]
    return {
        "subnet": aws.called(found["SubnetId"]),
        "elastic_ip": aws.called(allocations[0]) if allocations else None,
        "connectivity": found["ConnectivityType"],
    }


@reader("route_table")
def route_table(aws: Aws, name: str) -> dict[str, t.Any]:
    found = aws.ec2("describe_route_tables", "RouteTables", "RouteTableId", name)
    routes = {}
    for route in found["Routes"]:
        target = route.get("NatGatewayId") or route.get("GatewayId")
        if target != "local":
            word = "nat_gateway" if route.get("NatGatewayId") else "internet_gateway"
            routes[route["DestinationCidrBlock"]] = f"{word}:{aws.called(target)}"
    return {
        "vpc": aws.called(found["VpcId"]),
        "subnets": aws.names(each["SubnetId"] for each in found["Associations"] if "SubnetId" in each),
        "routes": routes,
    }


#: AWS tells them by their numbers.
PROTOCOLS = {"-1": "all", "6": "tcp", "17": "udp"}


@reader("network_acl")
def network_acl(aws: Aws, name: str) -> dict[str, t.Any]:
    found = aws.ec2("describe_network_acls", "NetworkAcls", "NetworkAclId", name)
    told: dict[str, t.Any] = {
        "vpc": aws.called(found["VpcId"]),
        "subnets": aws.names(each["SubnetId"] for each in found["Associations"]),
    }
    for entry in found["Entries"]:
        if entry["RuleNumber"] == 100:
            where = "egress.100" if entry["Egress"] else "ingress.100"
            span = entry.get("PortRange")
            told |= {
                f"{where}.action": entry["RuleAction"],
                f"{where}.protocol": PROTOCOLS[entry["Protocol"]],
                f"{where}.cidr": entry["CidrBlock"],
                f"{where}.ports": span and str(ports(span["From"], span["To"])),
            }
    return told


def ports(first: int | None, last: int | None) -> int | str | None:
    return first if first == last else f"{first}-{last}"


@reader("security_group")
def security_group(aws: Aws, name: str) -> dict[str, t.Any]:
    groups = aws.pages("ec2", "describe_security_groups", "SecurityGroups")
    [found] = [each for each in groups if aws.called(each["GroupId"]) == name]
    told: dict[str, t.Any] = {"vpc": aws.called(found["VpcId"]), "description": found["Description"]}
    for word, permissions in (("ingress", found["IpPermissions"]), ("egress", found["IpPermissionsEgress"])):
        peers = [each["CidrIp"] for permission in permissions for each in permission["IpRanges"]]
        peers += [
            "self" if each["GroupId"] == found["GroupId"] else aws.called(each["GroupId"])
            for permission in permissions
            for each in permission["UserIdGroupPairs"]
        ]
        told |= {
            f"{word}.https.protocol": ",".join({each["IpProtocol"] for each in permissions}),
            f"{word}.https.ports": sorted(
                {ports(each.get("FromPort"), each.get("ToPort")) for each in permissions}, key=str
            ),
            f"{word}.https.{'from' if word == 'ingress' else 'to'}": sorted(set(peers), key=str),
        }
    return told


@reader("flow_log")
def flow_log(aws: Aws, name: str) -> dict[str, t.Any]:
    found = aws.ec2("describe_flow_logs", "FlowLogs", "FlowLogId", name)
    return {
        "vpc": aws.called(found["ResourceId"]),
        "traffic": found["TrafficType"],
        "bucket": aws.bucket(found.get("LogDestination", "").rpartition(":")[2]),
        "log_group": found.get("LogGroupName"),
        "role": aws.short(found.get("DeliverLogsPermissionArn", "").rpartition("/")[2]),
        "aggregation_interval": found["MaxAggregationInterval"],
        "format": found["LogFormat"],
    }


@reader("vpc_endpoint")
def vpc_endpoint(aws: Aws, name: str) -> dict[str, t.Any]:
    endpoints = aws.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints")
    [found] = [
        each
        for each in endpoints
        if aws.called(each["VpcEndpointId"]) == name and each["State"] not in ("deleting", "deleted")
    ]
    return {
        "service": found["ServiceName"].rpartition(".")[2],
        "type": found["VpcEndpointType"].lower(),
        "vpc": aws.called(found["VpcId"]),
        "route_tables": aws.names(found.get("RouteTableIds", [])),
        "subnets": aws.names(found.get("SubnetIds", [])),
        "security_groups": aws.names(each["GroupId"] for each in found.get("Groups", [])),
        "private_dns": found.get("PrivateDnsEnabled"),
        "policy": {"Statement": json.loads(found["PolicyDocument"])["Statement"]},
    }
