"""EC2 as AWS has it: images, launch templates, instances, gateways, endpoints, network ACLs, pages."""

from __future__ import annotations

import base64
import ipaddress
from typing import Any

import pytest
from probes import both_ways, error_code, network, probe, until

from lab.api.testing import Lab

USER_DATA = base64.b64encode(b"#!/bin/sh\ntrue\n").decode()


def launch_template(lab: Lab, net: dict[str, Any], **data: Any) -> str:
    """Make a launch template in the network's group and return its id."""
    interface = {"DeviceIndex": 0, "Groups": [net["group"]], "AssociatePublicIpAddress": False}
    content = {"ImageId": debian(lab), "InstanceType": "t3.medium", "NetworkInterfaces": [interface], **data}
    created = lab.client("ec2").create_launch_template(LaunchTemplateName="probe", LaunchTemplateData=content)
    return str(created["LaunchTemplate"]["LaunchTemplateId"])


def debian(lab: Lab) -> str:
    """Return the id of the Debian image, or of none where there is none."""
    filters = [{"Name": "name", "Values": ["debian-13-amd64-*"]}]
    images = lab.client("ec2").describe_images(Owners=["136693071363"], Filters=filters)["Images"]
    return str(images[0]["ImageId"]) if images else "ami-12345678"


def run(lab: Lab, net: dict[str, Any], template: str, **more: Any) -> dict[str, Any]:
    """Launch one instance of a template and return it as described."""
    ec2 = lab.client("ec2")
    reply = ec2.run_instances(
        LaunchTemplate={"LaunchTemplateId": template, **more}, SubnetId=net["subnets"][1], MinCount=1, MaxCount=1
    )
    found = ec2.describe_instances(InstanceIds=[reply["Instances"][0]["InstanceId"]])
    return dict(found["Reservations"][0]["Instances"][0])


@probe("ec2_images.debian_image")
def debian_13_in_every_region(lab: Lab) -> None:
    ids = set()
    for region in ("us-east-1", "us-west-2"):
        ec2 = lab.client("ec2", region)
        filters = [{"Name": "name", "Values": ["debian-13-amd64-*"]}]
        image = ec2.describe_images(Owners=["136693071363"], Filters=filters)["Images"][0]
        assert image["RootDeviceType"] == "ebs"
        assert image["BlockDeviceMappings"][0]["DeviceName"] == image["RootDeviceName"] == "/dev/xvda"
        ids.add(image["ImageId"])
    assert len(ids) == 2


@probe("ec2_images.debian_parameter")
def parameter_names_the_image(lab: Lab) -> None:
    name = "/aws/service/debian/release/13/latest/amd64"
    assert lab.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == debian(lab)


@probe("ec2_launch.launch_template_tags")
def template_tags_stay_out_of_its_data(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    spec = [{"ResourceType": "launch-template", "Tags": [{"Key": "Name", "Value": "probe"}]}]
    ec2.create_launch_template(
        LaunchTemplateName="probe", LaunchTemplateData={"InstanceType": "t3.medium"}, TagSpecifications=spec
    )
    version = ec2.describe_launch_template_versions(LaunchTemplateName="probe")["LaunchTemplateVersions"][0]
    assert version["LaunchTemplateData"] == {"InstanceType": "t3.medium"}
    assert ec2.describe_launch_templates()["LaunchTemplates"][0]["Tags"] == [{"Key": "Name", "Value": "probe"}]


@probe("ec2_launch.launch_template_retagging")
def template_shows_later_tags(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    created = ec2.create_launch_template(LaunchTemplateName="p", LaunchTemplateData={"InstanceType": "t3.medium"})
    template = created["LaunchTemplate"]["LaunchTemplateId"]
    ec2.create_tags(Resources=[template], Tags=[{"Key": "later", "Value": "yes"}])
    assert ec2.describe_launch_templates()["LaunchTemplates"][0]["Tags"] == [{"Key": "later", "Value": "yes"}]


@probe("ec2_launch.launch_template_versions")
def later_version_brings_user_data_and_inherits(lab: Lab) -> None:
    net = network(lab)
    template = launch_template(lab, net)
    ec2 = lab.client("ec2")
    ec2.create_launch_template_version(
        LaunchTemplateId=template, SourceVersion="1", LaunchTemplateData={"UserData": USER_DATA}
    )
    instance = run(lab, net, template, Version="2")
    attribute = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert attribute["UserData"]["Value"] == USER_DATA
    assert instance["InstanceType"] == "t3.medium"


@probe("ec2_launch.launch_template_data")
def instance_is_as_its_template_says(lab: Lab) -> None:
    net = network(lab)
    iam = lab.client("iam")
    profile = iam.create_instance_profile(InstanceProfileName="probe")["InstanceProfile"]["Arn"]
    template = launch_template(
        lab,
        net,
        IamInstanceProfile={"Arn": profile},
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "Encrypted": True}}],
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "disk"}]}],
    )
    instance = run(lab, net, template)
    assert [g["GroupId"] for g in instance["SecurityGroups"]] == [net["group"]]
    assert [g["GroupId"] for g in instance["NetworkInterfaces"][0]["Groups"]] == [net["group"]]
    assert instance["IamInstanceProfile"]["Arn"] == profile
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    assert [m["DeviceName"] for m in instance["BlockDeviceMappings"]] == ["/dev/xvda"]
    assert "PublicIpAddress" not in instance
    filters = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    (volume,) = lab.client("ec2").describe_volumes(Filters=filters)["Volumes"]
    assert (volume["Size"], volume["Encrypted"]) == (20, True)
    assert volume["Tags"] == [{"Key": "Name", "Value": "disk"}]
    assert instance["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"] is True


@probe("ec2_launch.spot_protection")
def spot_instances_are_not_protected(lab: Lab) -> None:
    net = network(lab)
    ec2 = lab.client("ec2")
    spot = run(lab, net, launch_template(lab, net, InstanceMarketOptions={"MarketType": "spot"}))
    protect = {"InstanceId": spot["InstanceId"], "DisableApiTermination": {"Value": True}}
    assert spot["InstanceLifecycle"] == "spot"
    assert error_code(lambda: ec2.modify_instance_attribute(**protect)) == "UnsupportedOperation"
    ec2.modify_instance_attribute(**protect | {"DisableApiTermination": {"Value": False}})


@probe("ec2_launch.terminated_interfaces")
def interface_goes_with_its_instance(lab: Lab) -> None:
    net = network(lab)
    ec2 = lab.client("ec2")
    instance = run(lab, net, launch_template(lab, net))
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    filters = [{"Name": "vpc-id", "Values": [net["vpc"]]}]
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []
    ec2.delete_subnet(SubnetId=net["subnets"][1])
    ec2.delete_security_group(GroupId=net["group"])


@probe("ec2_launch.client_tokens")
def same_token_same_instance(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    request = {"ImageId": debian(lab), "MinCount": 1, "MaxCount": 1, "ClientToken": "once"}
    ids = {ec2.run_instances(**request)["Instances"][0]["InstanceId"] for _ in range(2)}
    assert len(ids) == 1


@probe("ec2_launch.client_tokens")
def same_token_same_gateway(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    request = {"SubnetId": net["subnets"][0], "ConnectivityType": "private", "ClientToken": "once"}
    ids = {ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"] for _ in range(2)}
    assert len(ids) == 1


def nat_gateway(lab: Lab) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make a public NAT gateway; return the network and the gateway."""
    ec2, net = lab.client("ec2"), network(lab)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    tags = [{"ResourceType": "natgateway", "Tags": [{"Key": "Name", "Value": "probe"}]}]
    request = {"SubnetId": net["subnets"][0], "AllocationId": address, "TagSpecifications": tags}
    return net, ec2.create_nat_gateway(**request)["NatGateway"]


@probe("ec2_network.nat_gateway_states")
def gateway_is_pending_first(lab: Lab) -> None:
    lab.delays(nat_gateway=0.5)
    ec2 = lab.client("ec2")
    assert nat_gateway(lab)[1]["State"] == "pending"
    assert ec2.describe_nat_gateways()["NatGateways"][0]["State"] == "pending"
    until(lambda: ec2.describe_nat_gateways()["NatGateways"][0]["State"] == "available")


@probe("ec2_network.nat_gateway_deletion")
def deleted_gateway_frees_address_and_subnet(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    net, gateway = nat_gateway(lab)
    ec2.delete_nat_gateway(NatGatewayId=gateway["NatGatewayId"])
    (address,) = ec2.describe_addresses()["Addresses"]
    assert "AssociationId" not in address
    ec2.release_address(AllocationId=address["AllocationId"])
    ec2.delete_subnet(SubnetId=net["subnets"][0])
    filters = [{"Name": "vpc-id", "Values": [net["vpc"]]}]
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []


@probe("ec2_network.nat_gateway_filters")
def gateways_are_found_by_tag(lab: Lab) -> None:
    nat_gateway(lab)
    ec2 = lab.client("ec2")
    for value, number in (("probe", 1), ("other", 0)):
        filters = [{"Name": "tag:Name", "Values": [value]}]
        assert len(ec2.describe_nat_gateways(Filters=filters)["NatGateways"]) == number
    assert error_code(ec2.describe_nat_gateways, NatGatewayIds=["nat-0123456789abcdef0"]) == "NatGatewayNotFound"


@probe("ec2_tags.resource_types")
def tags_are_found_by_resource_type(lab: Lab) -> None:
    gateway = nat_gateway(lab)[1]["NatGatewayId"]
    ec2 = lab.client("ec2")
    address = ec2.describe_addresses()["Addresses"][0]["AllocationId"]
    ec2.create_tags(Resources=[address], Tags=[{"Key": "Name", "Value": "probe"}])
    for kind, resource in (("natgateway", gateway), ("elastic-ip", address)):
        filters = [{"Name": "resource-type", "Values": [kind]}]
        assert [t["ResourceId"] for t in ec2.describe_tags(Filters=filters)["Tags"]] == [resource]


@probe("ec2_network.subnet_addresses")
def gateway_lives_in_its_subnet(lab: Lab) -> None:
    address = nat_gateway(lab)[1]["NatGatewayAddresses"][0]["PrivateIp"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network("10.50.0.0/24")


def interface_endpoint(lab: Lab, net: dict[str, Any]) -> dict[str, Any]:
    """Make an interface endpoint for SSM in the first subnet."""
    request = {"VpcId": net["vpc"], "ServiceName": "com.amazonaws.us-east-1.ssm", "VpcEndpointType": "Interface"}
    created = lab.client("ec2").create_vpc_endpoint(**request, SubnetIds=net["subnets"][:1])
    return dict(created["VpcEndpoint"])


@probe("ec2_network.endpoint_defaults")
def endpoint_takes_the_default_group(lab: Lab) -> None:
    endpoint = interface_endpoint(lab, network(lab))
    assert [g["GroupName"] for g in endpoint["Groups"]] == ["default"]
    ids = endpoint["NetworkInterfaceIds"]
    (interface,) = lab.client("ec2").describe_network_interfaces(NetworkInterfaceIds=ids)["NetworkInterfaces"]
    assert [g["GroupName"] for g in interface["Groups"]] == ["default"]


@probe("ec2_network.endpoint_changes")
def endpoint_follows_its_changes(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    endpoint = interface_endpoint(lab, net)["VpcEndpointId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddSubnetIds=net["subnets"][1:], PrivateDnsEnabled=False)
    (shown,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    assert len(shown["NetworkInterfaceIds"]) == 3
    assert shown["PrivateDnsEnabled"] is False


@probe("ec2_network.endpoint_changes")
def gateway_route_comes_with_the_table(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    table = ec2.create_route_table(VpcId=net["vpc"])["RouteTable"]["RouteTableId"]
    request = {"VpcId": net["vpc"], "ServiceName": "com.amazonaws.us-east-1.s3", "VpcEndpointType": "Gateway"}
    endpoint = ec2.create_vpc_endpoint(**request)["VpcEndpoint"]["VpcEndpointId"]

    def routes() -> list[str]:
        (shown,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
        return [r.get("GatewayId", "") for r in shown["Routes"]]

    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[table])
    assert endpoint in routes()
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
    assert endpoint not in routes()


@probe("ec2_network.endpoint_deletion")
def deleted_endpoint_is_gone(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    endpoint = interface_endpoint(lab, network(lab))["VpcEndpointId"]
    reply = ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint, "vpce-0123456789abcdef0"])
    assert [u["ResourceId"] for u in reply["Unsuccessful"]] == ["vpce-0123456789abcdef0"]
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []


@probe("ec2_network.network_acl_last_rule")
def acl_ends_with_deny(lab: Lab) -> None:
    acl = lab.client("ec2").create_network_acl(VpcId=network(lab)["vpc"])["NetworkAcl"]
    last = sorted((e["Egress"], e["RuleNumber"], e["RuleAction"]) for e in acl["Entries"])
    assert last == [(False, 32767, "deny"), (True, 32767, "deny")]


@probe("ec2_network.network_acl_missing_entry")
def missing_acl_entry_has_a_name(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    acl = ec2.create_network_acl(VpcId=network(lab)["vpc"])["NetworkAcl"]["NetworkAclId"]
    code = error_code(ec2.delete_network_acl_entry, NetworkAclId=acl, RuleNumber=7, Egress=False)
    assert code == "InvalidNetworkAclEntry.NotFound"


@probe("ec2_describe.pages")
def describe_comes_in_pages(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    net = network(lab)
    for number in range(7):
        ec2.create_security_group(VpcId=net["vpc"], GroupName=f"g{number}", Description="probe")
    pages = list(ec2.get_paginator("describe_security_groups").paginate(PaginationConfig={"PageSize": 5}))
    assert len(pages) > 1
    names = [g["GroupName"] for page in pages for g in page["SecurityGroups"] if g["VpcId"] == net["vpc"]]
    assert sorted(names) == sorted(["default", "probe", *(f"g{n}" for n in range(7))])


@probe("ec2_describe.pages")
def more_than_fifteen_templates(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    for number in range(18):
        ec2.create_launch_template(LaunchTemplateName=f"t{number}", LaunchTemplateData={"InstanceType": "t3.medium"})
    assert len(ec2.describe_launch_templates()["LaunchTemplates"]) == 18


@probe("ec2_describe.list_filters")
def any_of_several_values_matches(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    ec2.create_tags(Resources=[net["vpc"]], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    filters = [{"Name": "tag-key", "Values": ["a", "c"]}]
    assert [v["VpcId"] for v in ec2.describe_vpcs(Filters=filters)["Vpcs"]] == [net["vpc"]]


@probe("ec2_acl_filters.network_acl_id")
def acl_is_found_by_its_id(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    acl = ec2.create_network_acl(VpcId=network(lab)["vpc"])["NetworkAcl"]["NetworkAclId"]
    filters = [{"Name": "network-acl-id", "Values": [acl]}]
    assert [a["NetworkAclId"] for a in ec2.describe_network_acls(Filters=filters)["NetworkAcls"]] == [acl]


@probe("ec2_groups.rule_descriptions")
def changed_descriptions_are_confirmed(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=net["group"], IpPermissions=[rule])
    rule["IpRanges"] = [{"CidrIp": "10.0.0.0/8", "Description": "inside"}]
    reply = ec2.update_security_group_rule_descriptions_ingress(GroupId=net["group"], IpPermissions=[rule])
    assert reply["Return"] is True


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_the_tags_of_one_resource_are_found_without_looking_at_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patch ec2_describe.fast_tags: moto goes through the tags of the whole region, so each further resource makes all
    dearer; counted, because a time depends on what else the machine does."""
    from types import SimpleNamespace

    from moto.ec2.models.core import TaggedEC2Resource

    from lab.api import patching

    class Counted(dict):
        looked_at = 0

        def __iter__(self):
            for key in super().__iter__():
                Counted.looked_at += 1
                yield key

        def items(self):
            return [(key, self[key]) for key in self]

    monkeypatch.setattr(TaggedEC2Resource, "get_tags", TaggedEC2Resource.get_tags)
    patching.discover()["ec2_describe.fast_tags"].apply()
    resource = TaggedEC2Resource()
    resource.id = "sg-00000007"
    resource.ec2_backend = SimpleNamespace(tags=Counted({f"sg-{n:08}": {"Name": f"group {n}"} for n in range(1000)}))
    expected = {"resource_id": "sg-00000007", "key": "Name", "value": "group 7", "resource_type": "security-group"}
    assert resource.get_tags() == [expected]
    assert Counted.looked_at == 0
