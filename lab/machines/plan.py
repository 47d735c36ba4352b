# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What should be there, worked out from a snapshot of the API: endpoints, VPCs and public addresses. Touches nothing."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any

#: Addresses below PUBLIC (hub.py) that stand for public ones, and those the databases replicate over.
PUBLIC_POOL = ipaddress.ip_network("198.18.0.0/17")
REPLICATION_POOL = ipaddress.ip_network("198.18.128.0/18")


@dataclass
class Endpoint:
    """Something with addresses in a VPC: an instance, a database node, a cache node or a load balancer."""

    name: str
    kind: str
    vpc: str
    addresses: dict[str, str]  # address: subnet id
    groups: list[str]
    want: dict[str, Any] = field(default_factory=dict)
    running: bool = True
    mac: str | None = None
    replication: str | None = None

    @property
    def address(self) -> str:
        """The first address."""
        return next(iter(self.addresses))


@dataclass
class Vpc:
    """A VPC that has endpoints, with what decides about packets in it."""

    id: str
    region: str
    account: str
    cidrs: list[str]
    subnets: dict[str, dict[str, Any]]
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    part: dict[str, Any] = field(default_factory=dict)
    leave: dict[str, str] = field(default_factory=dict)  # private address: public one on the hub, as source
    enter: dict[str, str] = field(default_factory=dict)  # public one on the hub: private address
    peers: dict[str, list[str]] = field(default_factory=dict)  # peer VPC: its ranges, by the route tables

    @property
    def resolver(self) -> str:
        """The address of the VPC's name server: the base of its first range plus two."""
        return str(ipaddress.ip_network(self.cidrs[0])[2])


@dataclass
class Plan:
    """The whole picture."""

    vpcs: dict[str, Vpc] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    public: dict[str, str] = field(default_factory=dict)  # 127.x.y.z: 198.18.x.y
    zones: list[dict[str, Any]] = field(default_factory=list)
    health_checks: dict[str, dict[str, Any]] = field(default_factory=dict)
    regions: list[dict[str, Any]] = field(default_factory=list)
    members: dict[str, list[str]] = field(default_factory=dict)  # security group: addresses
    living: set[str] = field(default_factory=set)  # DbiResourceIds of databases that are there, or will be
    kept: set[str] = field(default_factory=set)  # DbiResourceIds of databases whose automated backups are kept
    contents: set[str] = field(default_factory=set)  # of snapshots
    pending: dict[str, list[str]] = field(default_factory=dict)  # DbiResourceId: contents of snapshots to be made


class Pool:
    """Hands out addresses by key, always the same for the same key; `known` is what a state file kept."""

    def __init__(self, network: ipaddress.IPv4Network, known: dict[str, str]) -> None:
        self.network, self.known = network, known

    def get(self, key: str) -> str:
        """The address of a key."""
        if key not in self.known:
            used = set(self.known.values())
            self.known[key] = next(str(host) for host in self.network.hosts() if str(host) not in used)
        return self.known[key]


def build(snapshot: dict[str, Any], public: Pool, replication: Pool) -> Plan:
    """The plan for a snapshot."""
    plan = Plan(zones=snapshot["zones"], health_checks=snapshot["health_checks"], regions=snapshot["regions"])
    machines = {
        (part["account"], part["region"], database["id"]): database["machine"]
        for part in snapshot["regions"]
        for database in part["databases"]
    }
    for part in snapshot["regions"]:
        plan.living |= {each["resource"] for each in part["databases"] if each["status"] != "deleting"}
        plan.kept |= set(part["kept"])
        plan.contents |= set(part["contents"])
        for content, resource in part["pending"]:
            plan.pending.setdefault(resource, []).append(content)
        for endpoint in [
            *_instances(part),
            *_databases(part, replication, machines),
            *_caches(part, replication),
            *_balancers(part),
        ]:
            plan.endpoints[endpoint.name] = endpoint
            vpc = plan.vpcs.get(endpoint.vpc) or _vpc(part, endpoint.vpc)
            plan.vpcs[endpoint.vpc] = vpc
            vpc.endpoints[endpoint.name] = endpoint
    for endpoint in plan.endpoints.values():
        if endpoint.kind == "database" and endpoint.want["upstream"]:
            _resolve_upstream(plan, endpoint)
        for group in endpoint.groups:
            plan.members.setdefault(group, []).extend(endpoint.addresses)
    for part in snapshot["regions"]:
        _public(part, plan, public)
        _peers(part, plan)
    return plan


def _vpc(part: dict[str, Any], vpc_id: str) -> Vpc:
    subnets = {key: subnet for key, subnet in part["subnets"].items() if subnet["vpc"] == vpc_id}
    return Vpc(vpc_id, part["region"], part["account"], part["vpcs"][vpc_id], subnets, part=part)


def _instances(part: dict[str, Any]) -> list[Endpoint]:
    found = []
    for name, instance in part["instances"].items():
        cards = instance["interfaces"]
        if not cards:
            continue
        want = instance | {"id": name, "region": part["region"], "account": part["account"]}
        want["public_key"] = part["key_pairs"].get(instance["key"] or "", "")
        want["zone"] = part["subnets"][instance["subnet"]]["zone"]
        found.append(
            Endpoint(
                name,
                "instance",
                part["subnets"][instance["subnet"]]["vpc"],
                {card["address"]: card["subnet"] for card in cards},
                sorted({group for card in cards for group in card["groups"]}),
                want,
                running=instance["state"] in ("running", "pending"),
                mac=cards[0]["mac"],
            )
        )
    return found


def _databases(part: dict[str, Any], replication: Pool, machines: dict[tuple[str, str, str], str]) -> list[Endpoint]:
    """A database is one node, or two with Multi-AZ: the one that is active changes with each failover.

    Its machines keep the name the database had at first.
    """
    found = []
    gone = ("deleting", "creating", "incompatible-restore")
    for database in part["databases"]:
        nodes = database["nodes"]
        active = database["failovers"] % len(nodes)
        for index, node in enumerate(nodes):
            if not node["address"] or database["status"] in gone:
                continue
            scope = f"{part['account']}-{part['region']}-{database['machine']}"
            name = f"rds-{scope}-{index}"
            source = database["source"]
            if index != active:
                upstream = f"rds-{scope}-{active}"
            elif source:
                upstream = _source(part, source, machines)
            else:
                upstream = None
            found.append(
                Endpoint(
                    name,
                    "database",
                    part["subnets"][node["subnet"]]["vpc"],
                    {node["address"]: node["subnet"]},
                    database["groups"],
                    database | {"active": index == active, "upstream": upstream},
                    running=database["status"] not in ("stopped", "stopping"),
                    replication=replication.get(name),
                )
            )
    return found


def _resolve_upstream(plan: Plan, endpoint: Endpoint) -> None:
    """A read replica follows its source's active node; one whose source is gone stands alone, as on AWS."""
    upstream = endpoint.want["upstream"]
    if upstream not in plan.endpoints:
        nodes = [plan.endpoints.get(f"{upstream}-{index}") for index in (0, 1)]
        endpoint.want["upstream"] = next((node.name for node in nodes if node and node.want["active"]), None)


def _source(part: dict[str, Any], source: str, machines: dict[tuple[str, str, str], str]) -> str:
    """The endpoint of a read replica's source, given by name or, in another region, by ARN."""
    where = (part["account"], part["region"], source)
    if source.startswith("arn:"):
        words = source.split(":")
        where = (words[4], words[3], words[6])
    return f"rds-{where[0]}-{where[1]}-{machines.get(where, where[2])}"


def _caches(part: dict[str, Any], replication: Pool) -> list[Endpoint]:
    """Each node of a cache is one Redis; nodes of one group replicate beside the VPC, as ElastiCache's do."""
    found = []
    for cache in part["caches"]:
        primary = next((node for node in cache["nodes"] if node["primary"]), cache["nodes"][0])
        for node in cache["nodes"]:
            if not node["address"] or cache["status"] in ("deleting", "creating"):
                continue
            scope = f"cache-{part['account']}-{part['region']}"
            behind = len(cache["nodes"]) > 1
            source = replication.get(f"{scope}-{primary['id']}") if behind and node is not primary else None
            vpc = part["subnets"][node["subnet"]]["vpc"]
            addresses = {node["address"]: node["subnet"]}
            endpoint = Endpoint(f"{scope}-{node['id']}", "cache", vpc, addresses, cache["groups"])
            endpoint.want = cache | {"node": node, "primary": source}
            endpoint.replication = replication.get(endpoint.name) if behind else None
            found.append(endpoint)
    return found


def _balancers(part: dict[str, Any]) -> list[Endpoint]:
    found = []
    for balancer in part["balancers"]:
        addresses = {node["address"]: node["subnet"] for node in balancer["nodes"] if node["address"]}
        if not addresses:
            continue
        arns = {arn for listener in balancer["listeners"] for rule in listener["rules"] for arn in targets_of(rule)}
        groups = {arn: group for arn, group in part["target_groups"].items() if arn in arns}
        want = balancer | {
            "target_groups": {arn: group | {"addresses": _targets(part, group)} for arn, group in groups.items()}
        }
        # A network load balancer without security groups is as open as its targets let it be.
        groups_or_open = balancer["groups"] or ["open"]
        name = f"lb-{part['region']}-{balancer['arn'].rsplit('/', 1)[1]}"
        vpc = part["subnets"][balancer["nodes"][0]["subnet"]]["vpc"]
        found.append(Endpoint(name, "balancer", vpc, addresses, groups_or_open, want))
    return found


def targets_of(rule: dict[str, Any]) -> list[str]:
    """The target groups a rule forwards to."""
    return [arn for action in rule["actions"] for arn, _ in forwards(action)]


def forwards(action: dict[str, Any]) -> list[tuple[str, int]]:
    """The (target group, weight) pairs of a forward action."""
    if action.get("Type") != "forward":
        return []
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    if groups:
        return [(group["TargetGroupArn"], int(group.get("Weight", 1))) for group in groups]
    return [(action["TargetGroupArn"], 1)] if action.get("TargetGroupArn") else []


def _targets(part: dict[str, Any], group: dict[str, Any]) -> list[dict[str, Any]]:
    """The targets of a group with their addresses; one not running has none."""
    found = []
    for target in group["targets"]:
        instance = part["instances"].get(target["id"])
        address = target["id"]
        if target["id"].startswith("i-"):
            running = instance and instance["state"] == "running" and instance["interfaces"]
            address = instance["interfaces"][0]["address"] if running else None  # type: ignore[index]
        found.append(target | {"address": address})
    return found


def _tables(vpc: Vpc) -> dict[str, list[list[str]]]:
    """The routes of each subnet, by its route table or the main one."""
    tables = [table for table in vpc.part["route_tables"].values() if table["vpc"] == vpc.id]
    main = next((table["routes"] for table in tables if table["main"]), [])
    own = {subnet: table["routes"] for table in tables for subnet in table["subnets"]}
    return {subnet: own.get(subnet, main) for subnet in vpc.subnets}


def _public(part: dict[str, Any], plan: Plan, pool: Pool) -> None:
    """Who answers at a public address, and with which one a machine goes out: as the subnets' routes say."""
    private_of = {address: private for address, private in part["addresses"].items() if private}
    for instance in part["instances"].values():
        private_of |= {card["public"]: card["address"] for card in instance["interfaces"] if card["public"]}
    for balancer in part["balancers"]:
        if not balancer["internal"] and balancer["nodes"] and balancer["nodes"][0]["address"]:
            private_of[balancer["public"]] = balancer["nodes"][0]["address"]
    public_of = {private: address for address, private in private_of.items()}
    for vpc in plan.vpcs.values():
        if vpc.part is not part:
            continue
        tables = _tables(vpc)
        for endpoint in vpc.endpoints.values():
            for address, subnet in endpoint.addresses.items():
                default = next((r for r in tables.get(subnet, []) if r[0] == "0.0.0.0/0"), ["", "", ""])
                if default[1] == "gateway" and part["gateways"].get(default[2]) == vpc.id and address in public_of:
                    plan.public[public_of[address]] = pool.get(public_of[address])
                    vpc.enter[pool.get(public_of[address])] = address
                    vpc.leave[address] = pool.get(public_of[address])
                elif default[1] == "nat" and (nat := part["nats"].get(default[2])) and nat["public"]:
                    plan.public[nat["public"][0]] = pool.get(nat["public"][0])
                    vpc.leave[address] = pool.get(nat["public"][0])


def _peers(part: dict[str, Any], plan: Plan) -> None:
    """Which peer VPC's ranges the route tables of a VPC lead to."""
    for name, pair in part["peerings"].items():
        for one, other in (pair, pair[::-1]):
            vpc = plan.vpcs.get(one)
            if vpc is None or other not in plan.vpcs:
                continue
            ranges = {r[0] for routes in _tables(vpc).values() for r in routes if r[1] == "peering" and r[2] == name}
            if ranges:
                vpc.peers.setdefault(other, sorted(ranges))
