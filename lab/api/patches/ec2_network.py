"""EC2: NAT gateways, VPC endpoints and network ACLs."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.timers import TIMERS
from lab.api.wrapping import method, wrap

API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"


@patch(
    moto="has a NAT gateway available at once, and deleted at once",
    aws="it is pending first, and deleting before it is deleted (the lab: for as long as the delays nat_gateway and"
    " nat_gateway_delete say, 0 s unless set)",
    document=API + "API_NatGateway.html",
)
def nat_gateway_states() -> None:
    from moto.ec2.models.nat_gateways import NatGatewayBackend

    @wrap(NatGatewayBackend, "create_nat_gateway")
    def create(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        gateway = original(self, *args, **kwargs)
        if delay := TIMERS.get("nat_gateway"):
            gateway.state = "pending"
            TIMERS.later(delay, lambda: _available(gateway))
        return gateway


def _available(gateway: Any) -> None:
    if gateway.state == "pending":
        gateway.state = "available"


@patch(
    moto="keeps a deleted NAT gateway's interface and the association of its Elastic IP, and crashes for an unknown id",
    aws="frees interface and address; an unknown id is NatGatewayNotFound",
    document=API + "API_DeleteNatGateway.html",
)
def nat_gateway_deletion() -> None:
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.nat_gateways import NatGatewayBackend

    @method(NatGatewayBackend)
    def delete_nat_gateway(self: Any, nat_gateway_id: str) -> Any:
        gateway = self.nat_gateways.get(nat_gateway_id)
        if gateway is None:
            raise EC2ClientError("NatGatewayNotFound", f"NAT gateway {nat_gateway_id} was not found")
        if gateway.state in ("deleting", "deleted"):
            return gateway
        gateway.state = "deleting"
        delay = TIMERS.get("nat_gateway_delete")
        if delay:
            TIMERS.later(delay, lambda: _delete(self, gateway))
        else:
            _delete(self, gateway)
        return gateway

    def _delete(backend: Any, gateway: Any) -> None:
        for address in gateway.address_set:
            if association := address.get("associationId"):
                backend.disassociate_address(association_id=association)
        if backend.enis.pop(gateway._eni.id, None):
            gateway._eni.subnet.del_subnet_ip(gateway._eni.private_ip_address)
        gateway.state = "deleted"


@patch(
    moto="DescribeNatGateways ignores tag filters and does not miss unknown ids",
    aws="filters by tag:<key> and tag-key; an unknown id is NatGatewayNotFound",
    document=API + "API_DescribeNatGateways.html",
)
def nat_gateway_filters() -> None:
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.nat_gateways import NatGatewayBackend
    from moto.ec2.utils import generic_filter

    @wrap(NatGatewayBackend, "describe_nat_gateways")
    def describe(original: Any, self: Any, filters: Any, nat_gateway_ids: list[str] | None) -> Any:
        for gateway_id in nat_gateway_ids or []:
            if gateway_id not in self.nat_gateways:
                raise EC2ClientError("NatGatewayNotFound", f"NAT gateway {gateway_id} was not found")
        gateways = original(self, filters, nat_gateway_ids)
        return generic_filter({k: v for k, v in (filters or {}).items() if k.startswith("tag")}, gateways)


@patch(
    moto="gives NAT gateways and interface endpoints an address from anywhere in 10.0.0.0/8",
    aws="gives them an address of their subnet",
    document="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway.html",
)
def subnet_addresses() -> None:
    from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend

    @wrap(NetworkInterfaceBackend, "create_network_interface")
    def create(original: Any, self: Any, subnet: Any, private_ip_address: Any, *args: Any, **kwargs: Any) -> Any:
        import ipaddress

        found = self.get_subnet(subnet) if isinstance(subnet, str) else subnet
        outside = isinstance(private_ip_address, str) and found is not None and found.cidr_block
        if outside and ipaddress.ip_address(private_ip_address) not in ipaddress.ip_network(found.cidr_block):
            private_ip_address = None  # the interface then takes a free one of its subnet
        return original(self, subnet, private_ip_address, *args, **kwargs)


@patch(
    moto="an interface endpoint without groups has none, its interfaces have none either; no type means no type",
    aws="takes the VPC's default group and gives the groups to the interfaces; the default type is Gateway",
    document=API + "API_CreateVpcEndpoint.html",
)
def endpoint_defaults() -> None:
    from moto.ec2.models.vpcs import VPCBackend

    @wrap(VPCBackend, "create_vpc_endpoint")
    def create(
        original: Any, self: Any, vpc_id: str, service_name: str, endpoint_type: Any, *args: Any, **kw: Any
    ) -> Any:
        kind = endpoint_type or "Gateway"
        if kind == "Interface" and not kw.get("security_group_ids"):
            kw["security_group_ids"] = [self.get_default_security_group(vpc_id).id]
        if kind == "Gateway":
            kw["private_dns_enabled"] = False
        endpoint = original(self, vpc_id, service_name, kind, *args, **kw)
        _set_interface_groups(self, endpoint)
        return endpoint


def _set_interface_groups(backend: Any, endpoint: Any) -> None:
    groups = [backend.get_security_group_from_id(group) for group in endpoint.security_group_ids]
    for interface_id in endpoint.network_interface_ids:
        if interface := backend.enis.get(interface_id):
            interface._group_set = [group for group in groups if group]
            interface.description = f"VPC Endpoint Interface {endpoint.id}"


@patch(
    moto="ModifyVpcEndpoint changes route table and subnet ids without routes and interfaces, and ignores"
    " PrivateDnsEnabled and ResetPolicy",
    aws="a gateway endpoint's route comes and goes with the route table, an interface with its subnet",
    document=API + "API_ModifyVpcEndpoint.html",
)
def endpoint_changes() -> None:
    import json

    from moto.ec2.models.vpcs import VPCBackend, VPCEndPoint
    from moto.ec2.responses.vpcs import VPCs

    @wrap(VPCBackend, "modify_vpc_endpoint")
    def modify(original: Any, self: Any, **kwargs: Any) -> None:
        endpoint = self.describe_vpc_endpoints(vpc_end_point_ids=[kwargs["vpc_id"]])[0]
        before_tables, before_subnets = set(endpoint.route_table_ids), set(endpoint.subnet_ids or [])
        original(self, **kwargs)
        prefix = endpoint.destination_prefix_list_id
        if prefix:
            for table in set(endpoint.route_table_ids) - before_tables:
                self.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix)
            for table in before_tables - set(endpoint.route_table_ids):
                self.delete_route(table, prefix)
        for subnet in sorted(set(endpoint.subnet_ids or []) - before_subnets):
            endpoint.network_interface_ids.append(self.create_network_interface(subnet, None).id)
        for subnet in before_subnets - set(endpoint.subnet_ids or []):
            for interface_id in list(endpoint.network_interface_ids):
                if self.enis[interface_id].subnet.id == subnet:
                    endpoint.network_interface_ids.remove(interface_id)
                    del self.enis[interface_id]
        _set_interface_groups(self, endpoint)

    @wrap(VPCs, "modify_vpc_endpoint")
    def respond(original: Any, self: Any) -> Any:
        result = original(self)
        endpoint = self.ec2_backend.describe_vpc_endpoints([self._get_param("VpcEndpointId")])[0]
        enabled = self._get_bool_param("PrivateDnsEnabled")
        if enabled is not None:
            endpoint.private_dns_enabled = enabled
        if self._get_bool_param("ResetPolicy"):
            endpoint.policy_document = json.dumps(VPCEndPoint.DEFAULT_POLICY)
        return result


@patch(
    moto="keeps deleted endpoints in DescribeVpcEndpoints for ever and takes unknown ids for deleted ones",
    aws="forgets them after a moment; an unknown id is listed as unsuccessful",
    document=API + "API_DeleteVpcEndpoints.html",
)
def endpoint_deletion() -> None:
    from moto.core.responses import ActionResult
    from moto.ec2.models.vpcs import VPCBackend
    from moto.ec2.responses.vpcs import VPCs

    @wrap(VPCBackend, "delete_vpc_endpoints")
    def delete(original: Any, self: Any, vpce_ids: list[str] | None = None) -> None:
        original(self, vpce_ids)
        for endpoint_id in vpce_ids or []:
            self.vpc_end_points.pop(endpoint_id, None)

    @method(VPCs)
    def delete_vpc_endpoints(self: Any) -> ActionResult:
        ids = self._get_param("VpcEndpointIds", [])
        known = [i for i in ids if i in self.ec2_backend.vpc_end_points]
        self.ec2_backend.delete_vpc_endpoints(vpce_ids=known)
        code = "InvalidVpcEndpointId.NotFound"
        missed = [
            {"ResourceId": i, "Error": {"Code": code, "Message": f"The Vpc Endpoint Id '{i}' does not exist"}}
            for i in ids
            if i not in known
        ]
        return ActionResult({"Unsuccessful": missed})


@patch(
    moto="a network ACL that is not the default one has no entry 32767",
    aws="every network ACL ends with the rule * (32767), deny, in both directions, which cannot be removed",
    document="https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html",
)
def network_acl_last_rule() -> None:
    from moto.ec2.models.network_acls import NetworkAclBackend

    @wrap(NetworkAclBackend, "create_network_acl")
    def create(original: Any, self: Any, vpc_id: str, tags: Any = None, default: bool = False) -> Any:
        acl = original(self, vpc_id, tags=tags, default=default)
        for egress in (True, False):
            if not default:
                self.create_network_acl_entry(
                    acl.id, 32767, "-1", "deny", egress, "0.0.0.0/0", None, None, None, None, None
                )
        return acl


@patch(
    moto="deleting an ACL entry that is not there crashes (StopIteration)",
    aws="answers InvalidNetworkAclEntry.NotFound",
    document=API + "API_DeleteNetworkAclEntry.html",
)
def network_acl_missing_entry() -> None:
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.network_acls import NetworkAclBackend

    @wrap(NetworkAclBackend, "delete_network_acl_entry")
    def delete(original: Any, self: Any, network_acl_id: str, rule_number: int, egress: bool) -> Any:
        acl = self.get_network_acl(network_acl_id)
        if not any(e.egress == egress and e.rule_number == rule_number for e in acl.network_acl_entries):
            message = f"The network acl entry with rule number {rule_number} does not exist in {network_acl_id}"
            raise EC2ClientError("InvalidNetworkAclEntry.NotFound", message)
        return original(self, network_acl_id, rule_number, egress)
