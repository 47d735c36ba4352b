"""EC2: what cannot be deleted while something else stands on it."""

from __future__ import annotations

from typing import Any

from lab.api import dependencies
from lab.api.patching import patch
from lab.api.timers import TIMERS
from lab.api.wrapping import wrap

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"


@patch(
    moto="deletes a subnet with machines, endpoints, NAT gateways, load balancers, databases or caches in it",
    aws="answers DependencyViolation, whoever made them",
    document=API + "API_DeleteSubnet.html",
)
def subnets() -> None:
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models.subnets import SubnetBackend

    @wrap(SubnetBackend, "delete_subnet")
    def delete(original: Any, self: Any, subnet_id: str) -> Any:
        if any(subnet_id in each.subnets for each in dependencies.occupants(self)):
            raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        return original(self, subnet_id)


@patch(
    moto="deletes a VPC with an internet gateway, endpoints, security groups or network ACLs, and its DHCP options too",
    aws="answers DependencyViolation while anything but the default group, ACL and route table is there; DHCP options stay",
    document=API + "API_DeleteVpc.html",
)
def vpcs() -> None:
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models.vpcs import VPCBackend

    @wrap(VPCBackend, "delete_vpc")
    def delete(original: Any, self: Any, vpc_id: str) -> Any:
        if vpc_id in self.vpcs and dependencies.in_vpc(self, vpc_id):
            raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        if vpc_id in self.vpcs and not self.describe_subnets(filters={"vpc-id": vpc_id}):
            self.vpcs[vpc_id].dhcp_options = None
        return original(self, vpc_id)


@patch(
    moto="deletes a security group that interfaces, load balancers, databases or other groups' rules use, and a VPC's default"
    " group",
    aws="answers DependencyViolation, and CannotDelete for the default group",
    document=API + "API_DeleteSecurityGroup.html",
)
def security_groups() -> None:
    from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
    from moto.ec2.responses.security_groups import SecurityGroups

    @wrap(SecurityGroups, "delete_security_group")
    def delete(original: Any, self: Any) -> Any:
        backend, named = self.ec2_backend, self._get_param("GroupId") or self._get_param("GroupName")
        group = backend.get_security_group_by_name_or_id(named)
        if group and group.is_default:
            message = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
            raise EC2ClientError("CannotDelete", message)
        if group and (
            any(group.id in each.groups for each in dependencies.occupants(backend))
            or dependencies.referring(backend, group.id)
        ):
            raise DependencyViolationError(f"resource {group.id} has a dependent object")
        return original(self)


@patch(
    moto="detaches an internet gateway from a VPC with public addresses",
    aws="answers DependencyViolation while a machine, a NAT gateway or a load balancer there has a public address",
    document=API + "API_DetachInternetGateway.html",
)
def internet_gateways() -> None:
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models.internet_gateways import InternetGatewayBackend

    @wrap(InternetGatewayBackend, "detach_internet_gateway")
    def detach(original: Any, self: Any, internet_gateway_id: str, vpc_id: str) -> Any:
        inside = {subnet.id for subnet in self.describe_subnets(filters={"vpc-id": vpc_id})}
        if any(each.public and each.subnets & inside for each in dependencies.occupants(self)):
            message = (
                f"Network {vpc_id} has some mapped public address(es)."
                " Please unmap those public address(es) before detaching the gateway."
            )
            raise DependencyViolationError(message)
        return original(self, internet_gateway_id, vpc_id)


@patch(
    moto="deletes a network interface that an instance, an endpoint or a NAT gateway uses",
    aws="answers InvalidParameterValue: it is currently in use",
    document=API + "API_DeleteNetworkInterface.html",
)
def network_interfaces() -> None:
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces

    @wrap(ElasticNetworkInterfaces, "delete_network_interface")
    def delete(original: Any, self: Any) -> Any:
        backend, identifier = self.ec2_backend, self._get_param("NetworkInterfaceId")
        interface = backend.enis.get(identifier)
        used = {eni for each in backend.vpc_end_points.values() for eni in each.network_interface_ids or []}
        used |= {gateway._eni.id for gateway in backend.nat_gateways.values() if gateway.state != "deleted"}
        if interface and (interface.attachment_id or interface.instance or identifier in used):
            message = f"Network interface '{identifier}' is currently in use."
            raise EC2ClientError("InvalidParameterValue", message)
        return original(self)


@patch(
    moto="a deleted load balancer leaves nothing behind",
    aws="its network interfaces stay for a while and keep subnets and groups (the lab: the delay load_balancer_delete, 0 s"
    " unless set)",
    document="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-delete.html",
)
def balancer_interfaces() -> None:
    from moto.ec2.models import ec2_backends
    from moto.elbv2.models import ELBv2Backend

    @wrap(ELBv2Backend, "delete_load_balancer")
    def delete(original: Any, self: Any, arn: str) -> None:
        there = self.load_balancers.get(arn)
        original(self, arn)
        if there is not None and (seconds := TIMERS.get("load_balancer_delete")):
            ec2 = ec2_backends[self.account_id][self.region_name]
            dependencies.linger(ec2, dependencies.balancer(there), seconds)
