# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machines need to know of every account and region, read from the emulator's memory in a few milliseconds.

Runs inside the API's process (see bridge.py). Only backends that exist are read: asking moto for one makes it.
"""

from __future__ import annotations

from typing import Any

from lab.machines.snapshot_services import (
    backup_facts,
    balancer_facts,
    caches,
    databases,
    existing,
    number,
    release_leases,
    target_group,
    text,
)


def take() -> dict[str, Any]:
    """The whole picture; see the functions below for the parts."""
    wanted: set[tuple[str, str, str]] = set()
    regions: dict[str, dict[str, Any]] = {}
    for account, region, ec2 in existing("ec2"):
        regions[f"{account}/{region}"] = _network(ec2) | {
            "account": account,
            "region": region,
            "databases": [],
            "kept": [],
            "contents": [],
            "pending": [],
            "caches": [],
            "balancers": [],
            "target_groups": {},
        }
    for account, region, rds in existing("rds"):
        if part := regions.get(f"{account}/{region}"):
            part["databases"] = databases(account, region, rds, wanted)
            part |= backup_facts(rds)
    for account, region, cache in existing("elasticache"):
        if part := regions.get(f"{account}/{region}"):
            part["caches"] = caches(account, region, cache, wanted)
    for account, region, elb in existing("elbv2"):
        if part := regions.get(f"{account}/{region}"):
            part["balancers"] = [balancer_facts(account, region, b, wanted) for b in list(elb.load_balancers.values())]
            part["target_groups"] = {t.arn: target_group(t) for t in list(elb.target_groups.values())}
    release_leases(wanted)
    return {"regions": list(regions.values()), "zones": _zones(), "health_checks": _health_checks()}


def _tags(resource: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in resource.get_tags()}


def _network(ec2: Any) -> dict[str, Any]:
    """VPCs and everything that decides about a packet in them, and the instances."""
    subnets = {s.id: s for by_zone in list(ec2.subnets.values()) for s in list(by_zone.values())}
    acls = {a.id: a for a in list(ec2.network_acls.values())}
    nat_addresses = {
        nat.id: [
            a.public_ip for a in ec2.addresses if a.allocation_id in {e.get("allocationId") for e in nat.address_set}
        ]
        for nat in list(ec2.nat_gateways.values())
        if nat.state == "available"
    }
    return {
        "vpcs": {v.id: [a["cidr_block"] for a in v.get_cidr_block_association_set()] for v in list(ec2.vpcs.values())},
        "subnets": {
            s.id: {"vpc": s.vpc_id, "cidr": s.cidr_block, "zone": s.availability_zone} for s in subnets.values()
        },
        "acls": {
            a.id: {
                "vpc": a.vpc_id,
                "default": bool(a.default),
                "subnets": [association.subnet_id for association in a.associations],
                "entries": [_acl_entry(e) for e in list(a.network_acl_entries) if e.cidr_block],
            }
            for a in acls.values()
        },
        "route_tables": {
            t.id: {
                "vpc": t.vpc_id,
                "main": bool(t.main_association_id),
                "subnets": list(t._associations.values()),
                "routes": [_route(r) for r in list(t._routes.values()) if r.destination_cidr_block],
            }
            for t in list(ec2.route_tables.values())
        },
        "gateways": {g.id: g.vpc.id for g in list(ec2.internet_gateways.values()) if g.vpc},
        "nats": {
            n.id: {"vpc": n.vpc_id, "subnet": n.subnet_id, "public": nat_addresses[n.id][:1]}
            for n in list(ec2.nat_gateways.values())
            if n.id in nat_addresses
        },
        "peerings": {
            p.id: [p.vpc.id, p.peer_vpc.id] for p in list(ec2.vpc_pcxs.values()) if p._status.code == "active"
        },
        "groups": {
            g.id: {
                "vpc": g.vpc_id,
                "in": [_permission(r) for r in list(g.ingress_rules)],
                "out": [_permission(r) for r in list(g.egress_rules)],
            }
            for by_vpc in list(ec2.groups.values())
            for g in list(by_vpc.values())
        },
        "prefix_lists": {
            p.id: [e["Cidr"] for version in [p.entries.get(p.version, [])] for e in version]
            for p in list(ec2.managed_prefix_lists.values())
        },
        "addresses": {a.public_ip: a.private_ip_address for a in list(ec2.addresses) if a.eni is not None},
        "key_pairs": {k.key_name: text(k.material_public) for k in list(ec2.key_pairs.values())},
        "instances": {
            i.id: _instance(ec2, i)
            for reservation in list(ec2.reservations.values())
            for i in list(reservation.instances)
            if i.state != "terminated" and i.subnet_id
        },
    }


def _acl_entry(entry: Any) -> list[Any]:
    """[egress, number, protocol, action, range, first port, last port]."""
    egress = str(entry.egress).lower() == "true"
    ports = number(entry.port_range_from), number(entry.port_range_to)
    return [egress, int(entry.rule_number), str(entry.protocol), entry.rule_action, entry.cidr_block, *ports]


def _route(route: Any) -> list[str]:
    """[destination, kind of target, target]."""
    kinds = (
        ("nat", route.nat_gateway),
        ("gateway", route.gateway),
        ("peering", route.vpc_pcx),
        ("transit", route.transit_gateway),
        ("interface", route.interface),
        ("instance", route.instance),
    )
    for kind, target in kinds:
        if target:
            return [route.destination_cidr_block, kind, str(getattr(target, "id", target))]
    return [route.destination_cidr_block, "local", ""]


def _permission(rule: Any) -> list[Any]:
    """[protocol, first port, last port, "cidr" | "group" | "list", what]."""
    start = [str(rule.ip_protocol), number(rule.from_port), number(rule.to_port)]
    if rule.source_group:
        return [*start, "group", rule.source_group.get("GroupId", "")]
    if rule.prefix_list_id:
        return [*start, "list", rule.prefix_list_id]
    return [*start, "cidr", (rule.ip_range or {}).get("CidrIp") or ""]


def _instance(ec2: Any, instance: Any) -> dict[str, Any]:
    association = ec2.iam_instance_profile_associations.get(instance.id)
    profile = association.iam_instance_profile if association else None
    options = instance.metadata_options
    cards = [card for _, card in sorted(instance.nics.items(), key=lambda item: int(item[0]))]
    return {
        "state": instance.state,
        "subnet": instance.subnet_id,
        "image": instance.image_id,
        "type": instance.instance_type,
        "key": instance.key_name,
        "launched": str(instance.launch_time),
        "user_data": text(instance.user_data),
        "shutdown": instance.instance_initiated_shutdown_behavior,
        "tags": _tags(instance),
        "profile": {"arn": profile.arn, "id": profile.id, "roles": [r.arn for r in profile.roles]} if profile else None,
        "imds": {
            "tokens": options.http_tokens or "optional",
            "hops": options.http_put_response_hop_limit or 1,
            "endpoint": options.http_endpoint or "enabled",
            "tags": options.instance_metadata_tags or "disabled",
        },
        "reboots": instance.__dict__.get("lab_reboots", 0),
        "lifecycle": _lifecycle(instance),
        "interfaces": [
            {
                "id": card.id,
                "mac": card.mac_address,
                "address": card.private_ip_address,
                "public": card.public_ip,
                "subnet": card.subnet.id,
                "groups": [group.id for group in card.group_set],
            }
            for card in cards
        ],
    }


def _lifecycle(instance: Any) -> str | None:
    """Where an auto scaling group has the instance in its life cycle."""
    group = getattr(instance, "autoscaling_group", None)
    for state in list(group.instance_states) if group else ():
        if state.instance is instance:
            return str(state.lifecycle_state)
    return None


def _zones() -> list[dict[str, Any]]:
    return [
        {
            "name": zone.name,
            "private": bool(zone.private_zone or zone.vpcs),
            "vpcs": [v["vpc_id"] for v in zone.vpcs],
            "records": [
                {
                    "name": r.name,
                    "type": r.type,
                    "ttl": int(r.ttl or 60),
                    "values": list(r.records or []),
                    "alias": (r.alias_target or {}).get("DNSName"),
                    "evaluate": str((r.alias_target or {}).get("EvaluateTargetHealth")).lower() == "true",
                    "set": r.set_identifier,
                    "weight": number(r.weight),
                    "failover": r.failover,
                    "health_check": r.health_check_id,
                }
                for r in list(zone.rrsets)
            ],
        }
        for _, _, route53 in existing("route53")
        for zone in list(route53.zones.values())
    ]


def _health_checks() -> dict[str, dict[str, Any]]:
    return {
        check.id: {
            "type": check.type_,
            "address": check.ip_address,
            "name": check.fqdn,
            "port": int(check.port or 80),
            "path": check.resource_path or "/",
            "search": check.search_string,
            "interval": int(check.request_interval),
            "threshold": int(check.failure_threshold),
            "inverted": str(check.inverted).lower() == "true",
            "disabled": str(check.disabled).lower() == "true",
            "children": list(check.children or []),
            "children_needed": number(check.health_threshold) or 0,
        }
        for _, _, route53 in existing("route53")
        for check in list(route53.health_checks.values())
    }
