"""What stands in a subnet, a VPC or behind a security group keeps it."""

from __future__ import annotations

from typing import Any

from probes import both_ways, error_code, network, probe, until
from test_patches_rds import REQUEST

from lab.api.testing import Lab

IN_USE = "DependencyViolation"


def machine(lab: Lab, net: dict[str, Any], **options: Any) -> str:
    ec2 = lab.client("ec2")
    images = ec2.describe_images()["Images"] or [ec2.register_image(Name="probe", RootDeviceName="/dev/xvda")]
    image = images[0]["ImageId"]
    request = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **options}
    if "NetworkInterfaces" not in request:
        request |= {"SubnetId": net["subnets"][0], "SecurityGroupIds": [net["group"]]}
    return str(ec2.run_instances(**request)["Instances"][0]["InstanceId"])


def endpoint(lab: Lab, net: dict[str, Any]) -> str:
    made = lab.client("ec2").create_vpc_endpoint(
        VpcId=net["vpc"],
        ServiceName="com.amazonaws.us-east-1.ssm",
        VpcEndpointType="Interface",
        SubnetIds=net["subnets"][:1],
        SecurityGroupIds=[net["group"]],
    )
    return str(made["VpcEndpoint"]["VpcEndpointId"])


@probe("ec2_dependencies.subnets")
def a_subnet_with_a_machine_stays(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    one = machine(lab, net)
    assert error_code(ec2.delete_subnet, SubnetId=net["subnets"][0]) == IN_USE
    ec2.stop_instances(InstanceIds=[one])
    assert error_code(ec2.delete_subnet, SubnetId=net["subnets"][0]) == IN_USE
    ec2.delete_subnet(SubnetId=net["subnets"][1])
    ec2.terminate_instances(InstanceIds=[one])
    ec2.delete_subnet(SubnetId=net["subnets"][0])


@probe("ec2_dependencies.subnets")
def a_subnet_with_a_database_or_a_balancer_stays(lab: Lab) -> None:
    ec2, rds, net = lab.client("ec2"), lab.client("rds"), network(lab)
    rds.create_db_subnet_group(
        DBSubnetGroupName="probe", DBSubnetGroupDescription="probe", SubnetIds=net["subnets"][:2]
    )
    rds.create_db_instance(DBInstanceIdentifier="probe", **REQUEST, DBSubnetGroupName="probe")
    lab.client("elbv2").create_load_balancer(Name="probe", Subnets=net["subnets"][1:], Scheme="internal")
    for subnet in net["subnets"]:
        assert error_code(ec2.delete_subnet, SubnetId=subnet) == IN_USE


@probe("ec2_dependencies.vpcs")
def a_vpc_with_a_gateway_a_group_or_an_endpoint_stays(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert error_code(ec2.delete_vpc, VpcId=vpc) == IN_USE
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    group = ec2.create_security_group(VpcId=vpc, GroupName="probe", Description="probe")["GroupId"]
    assert error_code(ec2.delete_vpc, VpcId=vpc) == IN_USE
    ec2.delete_security_group(GroupId=group)
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3")["VpcEndpoint"]["VpcEndpointId"]
    assert error_code(ec2.delete_vpc, VpcId=vpc) == IN_USE
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
    ec2.delete_vpc(VpcId=vpc)


@probe("ec2_dependencies.vpcs")
def dhcp_options_outlive_the_vpc(lab: Lab) -> None:
    ec2 = lab.client("ec2")
    options = ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["probe.example"]}])
    identifier = options["DhcpOptions"]["DhcpOptionsId"]
    vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    ec2.associate_dhcp_options(DhcpOptionsId=identifier, VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_dhcp_options(DhcpOptionsIds=[identifier])["DhcpOptions"]


@probe("ec2_dependencies.security_groups")
def a_group_in_use_stays(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    other = ec2.create_security_group(VpcId=net["vpc"], GroupName="other", Description="probe")["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": net["group"]}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    assert error_code(ec2.delete_security_group, GroupId=net["group"]) == IN_USE
    ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=[rule])
    one = machine(lab, net)
    assert error_code(ec2.delete_security_group, GroupId=net["group"]) == IN_USE
    ec2.terminate_instances(InstanceIds=[one])
    lab.client("elbv2").create_load_balancer(Name="probe", Subnets=net["subnets"], SecurityGroups=[net["group"]])
    assert error_code(ec2.delete_security_group, GroupId=net["group"]) == IN_USE
    # A group that only names itself can be deleted.
    rule["UserIdGroupPairs"] = [{"GroupId": other}]
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[rule])
    ec2.delete_security_group(GroupId=other)


@probe("ec2_dependencies.security_groups")
def the_default_group_stays(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    filters = [{"Name": "vpc-id", "Values": [net["vpc"]]}, {"Name": "group-name", "Values": ["default"]}]
    group = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]
    assert error_code(ec2.delete_security_group, GroupId=group) == "CannotDelete"


@probe("ec2_dependencies.internet_gateways")
def a_gateway_with_public_addresses_behind_it_stays(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=net["vpc"])
    public = {"DeviceIndex": 0, "SubnetId": net["subnets"][0], "AssociatePublicIpAddress": True}
    one = machine(lab, net, NetworkInterfaces=[public])
    named = {"InternetGatewayId": gateway, "VpcId": net["vpc"]}
    assert error_code(ec2.detach_internet_gateway, **named) == IN_USE
    ec2.terminate_instances(InstanceIds=[one])
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=net["subnets"][0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    assert error_code(ec2.detach_internet_gateway, **named) == IN_USE
    ec2.delete_nat_gateway(NatGatewayId=made)
    machine(lab, net)
    ec2.detach_internet_gateway(**named)


@probe("ec2_dependencies.network_interfaces")
def an_interface_in_use_stays(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    endpoint(lab, net)
    filters = [{"Name": "vpc-id", "Values": [net["vpc"]]}]
    [interface] = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    refused = error_code(ec2.delete_network_interface, NetworkInterfaceId=interface["NetworkInterfaceId"])
    assert refused == "InvalidParameterValue"


@probe("ec2_vpc_endpoints.endpoint_states")
def an_endpoint_comes_and_goes_slowly(lab: Lab) -> None:
    ec2, net = lab.client("ec2"), network(lab)
    lab.delays(endpoint=0.5, endpoint_delete=0.5)
    made = endpoint(lab, net)

    def state() -> list[str]:
        return [each["State"] for each in ec2.describe_vpc_endpoints()["VpcEndpoints"] if each["VpcEndpointId"] == made]

    assert state() == ["pending"]
    until(lambda: state() == ["available"])
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
    assert state() == ["deleting"]
    assert error_code(ec2.delete_security_group, GroupId=net["group"]) == IN_USE
    assert error_code(ec2.delete_subnet, SubnetId=net["subnets"][0]) == IN_USE
    until(lambda: state() == [])
    ec2.delete_security_group(GroupId=net["group"])
    ec2.delete_subnet(SubnetId=net["subnets"][0])


@probe("ec2_dependencies.balancer_interfaces")
def interfaces_of_a_balancer_stay_for_a_while(lab: Lab) -> None:
    ec2, elbv2, net = lab.client("ec2"), lab.client("elbv2"), network(lab)
    lab.delays(load_balancer_delete=0.5)
    made = elbv2.create_load_balancer(Name="probe", Subnets=net["subnets"], SecurityGroups=[net["group"]])
    elbv2.delete_load_balancer(LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"])
    assert error_code(ec2.delete_security_group, GroupId=net["group"]) == IN_USE

    def deleted() -> bool:
        try:
            ec2.delete_security_group(GroupId=net["group"])
        except ec2.exceptions.ClientError:
            return False
        return True

    until(deleted)


test_as_aws_does, test_moto_still_differs = both_ways(__name__)
