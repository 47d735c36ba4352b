# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machines need to know of every account and region, read from the emulator's memory in a few milliseconds.

Runs inside the API's process (see bridge.py). Only backends that exist are read: asking moto for one makes it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from moto.backends import get_backend

#: Addresses the emulator's own resources have no field for: {(account, region, key): (subnet id, address)}.
_leases: dict[tuple[str, str, str], tuple[str, str]] = {}


def existing(service: str) -> Iterator[tuple[str, str, Any]]:
    """Every (account, region, backend) of a service that exists already."""
    for account, regions in list(dict.items(get_backend(service))):  # type: ignore[arg-type]
        for region, backend in list(dict.items(regions)):
            yield account, region, backend


def take() -> dict[str, Any]:
    """The whole picture; see the functions below for the parts."""
    wanted: set[tuple[str, str, str]] = set()
    regions: dict[str, dict[str, Any]] = {}
    for account, region, ec2 in existing("ec2"):
        regions[f"{account}/{region}"] = _network(account, region, ec2) | {
            "account": account,
            "region": region,
            "databases": [],
            "caches": [],
            "balancers": [],
            "target_groups": {},
        }
    for account, region, rds in existing("rds"):
        if part := regions.get(f"{account}/{region}"):
            part["databases"] = _databases(account, region, rds, wanted)
    for account, region, cache in existing("elasticache"):
        if part := regions.get(f"{account}/{region}"):
            part["caches"] = _caches(account, region, cache, wanted)
    for account, region, elb in existing("elbv2"):
        if part := regions.get(f"{account}/{region}"):
            part["balancers"] = [_balancer(account, region, b, wanted) for b in list(elb.load_balancers.values())]
            part["target_groups"] = {t.arn: _target_group(t) for t in list(elb.target_groups.values())}
    for key in set(_leases) - wanted:
        _release(key)
    return {"regions": list(regions.values()), "zones": _zones(), "health_checks": _health_checks()}


def _tags(resource: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in resource.get_tags()}


def _network(account: str, region: str, ec2: Any) -> dict[str, Any]:
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
                "entries": [
                    [str(e.egress).lower() == "true", int(e.rule_number), str(e.protocol), e.rule_action, e.cidr_block]
                    + [_number(e.port_range_from), _number(e.port_range_to)]
                    for e in list(a.network_acl_entries)
                    if e.cidr_block
                ],
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
        "key_pairs": {k.key_name: _text(k.material_public) for k in list(ec2.key_pairs.values())},
        "instances": {
            i.id: _instance(ec2, i)
            for reservation in list(ec2.reservations.values())
            for i in list(reservation.instances)
            if i.state != "terminated" and i.subnet_id
        },
    }


def _number(value: Any) -> int | None:
    return None if value in (None, "") else int(value)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


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
    start = [str(rule.ip_protocol), _number(rule.from_port), _number(rule.to_port)]
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
        "user_data": _text(instance.user_data),
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


def _lease(account: str, region: str, key: str, subnet_id: str, wanted: set[tuple[str, str, str]]) -> str | None:
    """An address in a subnet for something the emulator gives none: always the same, and no instance gets it."""
    lease = (account, region, key)
    wanted.add(lease)
    if lease in _leases and _leases[lease][0] == subnet_id:
        return _leases[lease][1]
    subnet = _subnet(account, region, subnet_id)
    if subnet is None:
        return None
    if lease in _leases:
        _release(lease)
    net = ipaddress.ip_network(subnet.cidr_block)
    usable = net.num_addresses - 5
    start = int(hashlib.sha256(f"{key}/{subnet_id}".encode()).hexdigest(), 16) % usable
    used = {address for other, (place, address) in _leases.items() if place == subnet_id}
    used |= {eni.private_ip_address for eni in list(subnet.ec2_backend.enis.values()) if eni.subnet.id == subnet_id}
    used |= set(subnet._subnet_ips)
    for step in range(usable):
        address = str(net[4 + (start + step) % usable])
        if address not in used:
            subnet._unused_ips.discard(address)
            _leases[lease] = (subnet_id, address)
            return address
    return None


def _release(lease: tuple[str, str, str]) -> None:
    subnet_id, address = _leases.pop(lease)
    subnet = _subnet(lease[0], lease[1], subnet_id)
    if subnet is not None:
        subnet._unused_ips.add(address)


def _subnet(account: str, region: str, subnet_id: str) -> Any:
    for by_zone in list(get_backend("ec2")[account][region].subnets.values()):  # type: ignore[index]
        if subnet_id in by_zone:
            return by_zone[subnet_id]
    return None


def _zone_subnets(subnets: list[dict[str, Any]], zone: str | None) -> list[str]:
    """Subnet ids, those in `zone` first."""
    places = [(s["SubnetAvailabilityZone"]["Name"] != zone, s["SubnetIdentifier"]) for s in subnets]
    return [subnet for _, subnet in sorted(places)]


def _databases(account: str, region: str, rds: Any, wanted: set[tuple[str, str, str]]) -> list[dict[str, Any]]:
    found = []
    for name, database in list(rds.databases.items()):
        if "postgres" not in (database.engine or "") or not getattr(database, "db_subnet_group", None):
            continue
        cluster = getattr(database, "cluster", None)
        subnets = _zone_subnets(database.db_subnet_group.subnets, database.availability_zone)
        managed = getattr(cluster or database, "master_user_secret", None)
        password = _secret(managed.secret) if managed else getattr(cluster or database, "_master_user_password", None)
        writer = cluster.writer.db_instance_identifier if cluster and cluster.writer else None
        source = database.source_db_instance_identifier if database.is_replica else None
        if writer and writer != name:
            source = writer
        group = database.db_parameter_groups()[0]
        multi_az = bool(getattr(database, "multi_az", False)) and not cluster
        found.append(
            {
                "id": name,
                "arn": f"arn:aws:rds:{region}:{account}:db:{name}",
                "status": database.__dict__.get("status") or database.status,
                "name": database.db_name if not cluster else cluster.database_name,
                "user": database.master_username,
                "password": password,
                "port": int(database.port or 5432),
                "groups": list(database.vpc_security_group_ids),
                "multi_az": multi_az,
                "class": database.db_instance_class,
                "source": source,
                "names": [database.address]
                + ([cluster.endpoint] if cluster and writer == name else [])
                + ([cluster.reader_endpoint] if cluster and (writer != name or len(cluster.members) == 1) else []),
                "parameters": {key: value.get("ParameterValue") for key, value in group.parameters.items()},
                "family": group.family,
                "nodes": [
                    {"subnet": subnet, "address": _lease(account, region, f"db/{name}/{index}", subnet, wanted)}
                    for index, subnet in enumerate(subnets[: 2 if multi_az else 1])
                ],
                "reboots": database.__dict__.get("lab_reboots", 0),
                "failovers": database.__dict__.get("lab_failovers", 0),
                "public": bool(database.publicly_accessible),
            }
        )
    return found


def _secret(secret: Any) -> str | None:
    """The password in a secret that RDS manages."""
    current = secret.versions.get(secret.default_version_id) or {}
    return json.loads(current.get("secret_string") or "{}").get("password")


def _caches(account: str, region: str, cache: Any, wanted: set[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Replication groups without cluster mode, and clusters of one node: each node is one Redis."""
    found = []
    single = [c for c in list(cache.cache_clusters.values()) if not c.replication_group_id and c.engine != "memcached"]
    for group in [*list(cache.replication_groups.values()), *single]:
        name = getattr(group, "replication_group_id", None) or group.cache_cluster_id
        places = cache.cache_subnet_groups.get(group.cache_subnet_group_name)
        if places is None or not places.subnet_ids:
            continue
        nodes = []
        members = [m for g in getattr(group, "node_groups", []) for m in g["node_group_members"]]
        for index, member in enumerate(members or [{"cache_cluster_id": name}]):
            subnet = sorted(places.subnet_ids)[index % len(places.subnet_ids)]
            endpoint = (member.get("read_endpoint") or {}).get("address")
            key = f"cache/{name}/{index}"
            nodes.append(
                {
                    "id": member["cache_cluster_id"],
                    "primary": member.get("current_role", "primary") == "primary",
                    "subnet": subnet,
                    "address": _lease(account, region, key, subnet, wanted),
                    "name": endpoint,
                }
            )
        first = (getattr(group, "node_groups", None) or [{}])[0]
        found.append(
            {
                "id": name,
                "port": int(group.port or 6379),
                "tls": bool(group.transit_encryption_enabled),
                "token": getattr(group, "auth_token", None) or group.__dict__.get("lab_auth_token"),
                "groups": list(group.security_group_ids or []),
                "status": group.status,
                "primary_name": first.get("primary_endpoint_address") or _cache_name(name, region),
                "reader_name": first.get("reader_endpoint_address"),
                "nodes": nodes,
            }
        )
    return found


def _cache_name(name: str, region: str) -> str:
    return f"{name}.abc123.0001.{region}.cache.amazonaws.com"


def _balancer(account: str, region: str, balancer: Any, wanted: set[tuple[str, str, str]]) -> dict[str, Any]:
    return {
        "arn": balancer.arn,
        "name": balancer.name,
        "dns_name": balancer.dns_name,
        "type": balancer.type,
        "internal": balancer.scheme == "internal",
        "state": balancer.__dict__.get("state"),
        "vpc": balancer.vpc_id,
        "groups": list(balancer.security_groups or []),
        "nodes": [
            {"subnet": s.id, "address": _lease(account, region, f"lb/{balancer.arn}/{s.id}", s.id, wanted)}
            for s in balancer.subnets
        ],
        "idle_timeout": int(balancer.attrs.get("idle_timeout.timeout_seconds", 60)),
        "public": "127.{}.{}.{}".format(*(1 + b % 254 for b in hashlib.sha256(balancer.arn.encode()).digest()[:3])),
        "listeners": [
            {
                "port": int(listener.port),
                "protocol": listener.protocol,
                "certificates": [_certificate(c) for c in listener.certificates],
                "rules": [
                    {
                        "priority": rule.priority,
                        "conditions": list(rule.conditions),
                        "actions": [dict(action.data) for action in rule.actions],
                    }
                    for rule in listener.rules.values()
                ],
            }
            for listener in list(balancer.listeners.values())
        ],
    }


def _certificate(arn: str) -> dict[str, Any] | None:
    """A certificate of ACM with its key, in PEM: the balancer is AWS's own and may see it."""
    for _, _, acm in existing("acm"):
        if bundle := acm._certificates.get(arn):
            names = list(dict.fromkeys([bundle.common_name, *bundle.sans]))
            facts = {"arn": arn, "names": names, "issued": bundle.type == "AMAZON_ISSUED"}
            return facts | {"pem": _text(bundle.cert), "key": _text(bundle.key), "chain": _text(bundle.chain)}
    return None


def _target_group(group: Any) -> dict[str, Any]:
    return {
        "name": group.name,
        "protocol": group.protocol,
        "port": _number(group.port),
        "type": group.target_type,
        "check": {
            "enabled": group.health_check_enabled,
            "protocol": group.health_check_protocol,
            "port": str(group.health_check_port or "traffic-port"),
            "path": group.health_check_path or "/",
            "interval": int(group.health_check_interval_seconds),
            "timeout": int(group.health_check_timeout_seconds),
            "rise": int(group.healthy_threshold_count),
            "fall": int(group.unhealthy_threshold_count),
            "codes": (getattr(group, "matcher", None) or {}).get("HttpCode", "200"),
        },
        "attributes": {key: str(value) for key, value in group.attributes.items()},
        "targets": [{"id": t["Id"], "port": int(t["Port"])} for t in list(group.targets.values())],
        "drained": [{"id": t["Id"], "port": int(t["Port"])} for t in list(group.deregistered_targets.values())],
    }


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
                    "weight": _number(r.weight),
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
            "children_needed": _number(check.health_threshold) or 0,
        }
        for _, _, route53 in existing("route53")
        for check in list(route53.health_checks.values())
    }
