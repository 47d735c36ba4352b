# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the network role: from a compact description to what AWS is asked for."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible.errors import AnsibleFilterError

from ..plugin_utils import option_values, specs
from ..plugin_utils.kinds.ec2 import cidrs
from ..plugin_utils.shared import aws_names

VPC = "main"
#: What a tier holds beside its own options: the entries of its ACL.
TIER_SHAPES = dict.fromkeys(("acl.ingress", "acl.egress"), "network_acl_entry")


def network_layout(
    cidr: str, region: str, zones: list[str], tiers: dict[str, dict[str, t.Any]], nat: str = "per_zone"
) -> dict[str, dict[str, dict[str, t.Any]]]:
    """The VPC, subnets, gateways, route tables and ACLs of a network cut into tiers, each over every zone.

    :param cidr: the network, for example 10.0.0.0/16; empty for none
    :param zones: letters of the region's zones
    :param tiers: as in the entry point ``tier`` of the role's argument specs
    :param nat: per_zone, single or none
    :raises AnsibleFilterError: naming everything that is wrong
    """
    parts = ("vpcs", "internet_gateways", "subnets", "elastic_ips", "nat_gateways", "route_tables", "acls")
    if not cidr:
        return {part: {} for part in parts}
    tiers, problems = _typed(tiers)
    problems += [problem for name in tiers for problem in aws_names.problems_in("network_tiers", "subnet", name)]
    for name, value in (("network_cidr", cidr), ("network_zones", zones), ("network_nat", nat)):
        problems += option_values.of_variable(specs.variables_of("network")[name], value, name)
    problems = problems or _misfits(cidr, zones or [], tiers, nat)
    if problems:
        raise AnsibleFilterError("\n  ".join(problems))
    subnets = {
        f"{tier}-{zone}": {
            "vpc": VPC,
            "cidr": str(_zone_network(cidr, options, place)),
            "zone": f"{region}{zone}",
            "tier": tier,
            "map_public_ip": options["map_public_ip"],
        }
        for tier, options in tiers.items()
        for place, zone in enumerate(zones)
    }
    public = next((name for name, options in tiers.items() if options["route"] == "internet"), None)
    wanted = any(options["route"] == "nat" for options in tiers.values())
    nat_zones = {"per_zone": zones, "single": zones[:1], "none": []}[nat] if wanted else []
    acls = {
        name: {
            "vpc": VPC,
            "subnets": [f"{name}-{zone}" for zone in zones],
            **options["acl"],
        }
        for name, options in tiers.items()
        if options["acl"]
    }
    return {
        "vpcs": {VPC: {"cidr": cidr}},
        "internet_gateways": {VPC: {"vpc": VPC}} if public else {},
        "subnets": subnets,
        "elastic_ips": {f"nat-{zone}": {} for zone in nat_zones},
        "nat_gateways": {zone: {"subnet": f"{public}-{zone}", "elastic_ip": f"nat-{zone}"} for zone in nat_zones},
        "route_tables": _route_tables(zones, tiers, nat, nat_zones),
        "acls": acls,
    }


def _typed(tiers: dict[str, dict[str, t.Any]]) -> tuple[dict[str, dict[str, t.Any]], list[str]]:
    return specs.named(specs.shape("network", "tier", TIER_SHAPES), tiers, "network_tiers")


def _misfits(cidr: str, zones: list[str], tiers: dict[str, dict[str, t.Any]], nat: str) -> list[str]:
    try:
        network = ipaddress.IPv4Network(cidr)
    except ValueError as error:
        return [f"network_cidr: {cidrs.problem(cidr) or error}"]
    problems = []
    if not zones:
        problems.append("network_zones: name at least one zone by its letter")
    if len(set(zones)) != len(zones):
        problems.append(f"network_zones: {', '.join(zones)} names a zone twice")
    blocks: dict[str, ipaddress.IPv4Network] = {}
    for name, tier in tiers.items():
        where = f"network_tiers.{name}"
        bits = network.prefixlen + tier["newbits"] + tier["zone_newbits"]
        if bits > 28:
            problems.append(f"{where}: leaves a zone a /{bits} of {cidr}; AWS takes at most a /28")
        elif tier["number"] >= 2 ** tier["newbits"]:
            problems.append(f"{where}.number: {cidr} has {2 ** tier['newbits']} blocks with newbits={tier['newbits']}")
        elif len(zones) > 2 ** tier["zone_newbits"]:
            room = 2 ** tier["zone_newbits"]
            problems.append(
                f"{where}.zone_newbits: {tier['zone_newbits']} leaves room for {room} zones, not {len(zones)}"
            )
        else:
            block = _block(network, tier)
            problems += [
                f"{where}: its block {block} overlaps {theirs} of tier {other}; give another number"
                for other, theirs in blocks.items()
                if theirs.overlaps(block)
            ]
            blocks[name] = block
        if tier["route"] == "nat" and nat != "none" and all(each["route"] != "internet" for each in tiers.values()):
            problems.append(f"{where}.route: nat needs a tier with route: internet for the NAT gateways to stand in")
    return problems


def _block(network: ipaddress.IPv4Network, tier: dict[str, t.Any]) -> ipaddress.IPv4Network:
    prefix = network.prefixlen + tier["newbits"]
    return ipaddress.IPv4Network((int(network.network_address) + (tier["number"] << (32 - prefix)), prefix))


def _zone_network(cidr: str, tier: dict[str, t.Any], place: int) -> ipaddress.IPv4Network:
    block = _block(ipaddress.IPv4Network(cidr), tier)
    prefix = block.prefixlen + tier["zone_newbits"]
    return ipaddress.IPv4Network((int(block.network_address) + (place << (32 - prefix)), prefix))


def _route_tables(
    zones: list[str], tiers: dict[str, dict[str, t.Any]], nat: str, nat_zones: list[str]
) -> dict[str, dict[str, t.Any]]:
    """One table a tier; a tier that goes out by its own zone's NAT gateway has one a zone."""
    tables: dict[str, dict[str, t.Any]] = {}
    for name, tier in tiers.items():
        every = [f"{name}-{zone}" for zone in zones]
        if tier["route"] == "nat" and nat == "per_zone":
            for zone in zones:
                routes = {"0.0.0.0/0": f"nat_gateway:{zone}"}
                tables[f"{name}-{zone}"] = {"vpc": VPC, "subnets": [f"{name}-{zone}"], "routes": routes}
            continue
        target = {"internet": f"internet_gateway:{VPC}", "nat": f"nat_gateway:{nat_zones[0]}" if nat_zones else ""}
        goal = target.get(tier["route"])
        tables[name] = {"vpc": VPC, "subnets": every, "routes": {"0.0.0.0/0": goal} if goal else {}}
    return tables


def acl_rules(rules: dict[str, dict[str, t.Any]]) -> list[list[t.Any]]:
    """Rules by number as amazon.aws.ec2_vpc_nacl takes them: number, protocol, action, cidr, icmp type and code, ports."""
    made = []
    for number, rule in sorted(rules.items(), key=lambda each: int(each[0])):
        protocol, ports = rule["protocol"], rule["ports"]
        first, _dash, last = ("0-65535" if ports == "all" else ports).partition("-")
        bounded = protocol in ("tcp", "udp")
        made.append(
            [
                int(number),
                protocol,
                rule["action"],
                cidrs.normalised(rule["cidr"]),
                -1 if protocol == "icmp" else None,
                -1 if protocol == "icmp" else None,
                int(first) if bounded else None,
                int(last or first) if bounded else None,
            ]
        )
    return made


def route_targets(routes: dict[str, str], ids: dict[str, dict[str, str]]) -> dict[str, str]:
    """Destination to ``kind:name`` as terrace.aws.ec2_route_table takes them; a name no kind knows is an id itself."""
    made = {}
    for destination, target in routes.items():
        kind, _colon, name = target.partition(":")
        made[destination] = ids.get(kind, {}).get(name, name)
    return made


def subnets_of_others(tables: dict[str, dict[str, t.Any]], name: str, ids: dict[str, str]) -> list[str]:
    """The ids of the subnets that other route tables (or network ACLs) of the inventory are to have.

    :param tables: every one of the inventory, by name
    :param name: the one that is being written or removed
    :param ids: ids of subnets by name; those without one are left out
    """
    wanted = {subnet for other, entry in tables.items() if other != name for subnet in entry.get("subnets") or []}
    return sorted(ids[subnet] for subnet in wanted if subnet in ids)


def acl_subnets(entry: dict[str, t.Any], ids: dict[str, str], others: t.Iterable[str]) -> list[str]:
    """The ids of the subnets an ACL is written with: its own, and those it has until another ACL takes them over.

    Without the latter a subnet would fall back to the VPC's default ACL, which lets everything through, in between.

    :param entry: of a plan, with its facts
    :param ids: ids of subnets by name
    :param others: ids of the subnets that other ACLs are to have, see :func:`subnets_of_others`
    """
    kept = set(entry["facts"].get("subnet_ids") or []) & set(others)
    return sorted({*(ids[subnet] for subnet in entry["subnets"]), *kept})


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "network_layout": network_layout,
            "acl_rules": acl_rules,
            "route_targets": route_targets,
            "subnets_of_others": subnets_of_others,
            "acl_subnets": acl_subnets,
        }
