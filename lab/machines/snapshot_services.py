# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The snapshot's part about managed services: databases, caches, load balancers, and the addresses they get."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import itertools
import json
from collections.abc import Iterator
from typing import Any

from moto.backends import get_backend

from lab.api import backups, target_health

#: Addresses the emulator's own resources have no field for: {(account, region, key): (subnet id, address)}.
_leases: dict[tuple[str, str, str], tuple[str, str]] = {}


def existing(service: str) -> Iterator[tuple[str, str, Any]]:
    """Every (account, region, backend) of a service that exists already."""
    for account, regions in list(dict.items(get_backend(service))):  # type: ignore[arg-type]
        for region, backend in list(dict.items(regions)):
            yield account, region, backend


def number(value: Any) -> int | None:
    return None if value in (None, "") else int(value)


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


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


def release_leases(wanted: set[tuple[str, str, str]]) -> None:
    """Give back the addresses nothing has any more."""
    for key in set(_leases) - wanted:
        _release(key)


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


def databases(account: str, region: str, rds: Any, wanted: set[tuple[str, str, str]]) -> list[dict[str, Any]]:
    found = []
    for name, database in list(rds.databases.items()):
        cluster = getattr(database, "cluster", None)
        # A cluster's members are where the cluster's subnet group says.
        places = getattr(database, "db_subnet_group", None)
        if places is None and cluster is not None:
            places = rds.subnet_groups.get(cluster.db_subnet_group_name)
        if "postgres" not in (database.engine or "") or not places or not places.subnets:
            continue
        subnets = _zone_subnets(places.subnets, database.availability_zone)
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
                "machine": (machine := _machine(rds, database)),
                "arn": f"arn:aws:rds:{region}:{account}:db:{name}",
                "resource": (resource := database.dbi_resource_id),
                "backups": backups.backed_up(database) and not source,
                "earliest": moment.replace(tzinfo=datetime.UTC).timestamp()
                if (moment := backups.oldest.get(resource))
                else None,
                "restore": database.__dict__.get("lab_restore"),
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
                # A node's part in its cluster changes; its certificate has to fit both.
                "certified": [database.address, *([cluster.endpoint, cluster.reader_endpoint] if cluster else [])],
                "parameters": _parameters(rds, cluster, group),
                "family": group.family,
                "nodes": [
                    {"subnet": subnet, "address": _lease(account, region, f"db/{machine}/{index}", subnet, wanted)}
                    for index, subnet in enumerate(subnets[: 2 if multi_az else 1])
                ],
                "reboots": database.__dict__.get("lab_reboots", 0),
                "failovers": database.__dict__.get("lab_failovers", 0),
                "public": bool(database.publicly_accessible),
            }
        )
    return found


def _machine(rds: Any, database: Any) -> str:
    """What the machines of a database are named after: what it was called at first, and no other one is."""
    if "lab_machine" not in database.__dict__:
        taken = {other.__dict__.get("lab_machine") for other in list(rds.databases.values())}
        name = database.db_instance_identifier
        names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
        database.lab_machine = next(each for each in names if each not in taken)
    return str(database.lab_machine)


def backup_facts(rds: Any) -> dict[str, Any]:
    """Of which databases the automated backups are kept, the contents of snapshots, and those that are to be made."""
    snapshots = list(rds.database_snapshots.values())
    kept = {database.dbi_resource_id for _, database in backups.sources(rds)}
    contents = {snapshot.lab_content for snapshot in snapshots}
    for database in list(rds.databases.values()):
        # What a restore has not read yet stays for it.
        if (restore := database.__dict__.get("lab_restore")) and database.status == "creating":
            kept |= {restore["resource"]} if "resource" in restore else set()
            contents |= {restore["content"]} if "content" in restore else set()
    waiting = [[each.lab_content, each.dbi_resource_id] for each in snapshots if each.status == "creating"]
    return {"kept": sorted(kept), "contents": sorted(contents), "pending": sorted(waiting)}


def _parameters(rds: Any, cluster: Any, group: Any) -> dict[str, Any]:
    """The parameters of a database: its cluster's, then its own."""
    found = {}
    shared = rds.db_cluster_parameter_groups.get(cluster.parameter_group) if cluster else None
    for each in filter(None, (shared, group)):
        found |= {key: value.get("ParameterValue") for key, value in each.parameters.items()}
    return found


def _secret(secret: Any) -> str | None:
    """The password in a secret that RDS manages."""
    current = secret.versions.get(secret.default_version_id) or {}
    return json.loads(current.get("secret_string") or "{}").get("password")


def caches(account: str, region: str, cache: Any, wanted: set[tuple[str, str, str]]) -> list[dict[str, Any]]:
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
                "arn": getattr(group, "arn", name),
                "port": int(group.port or 6379),
                "tls": bool(group.transit_encryption_enabled),
                "tokens": list(group.__dict__.get("lab_tokens", [])),
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


def balancer_facts(account: str, region: str, balancer: Any, wanted: set[tuple[str, str, str]]) -> dict[str, Any]:
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
            return facts | {"pem": text(bundle.cert), "key": text(bundle.key), "chain": text(bundle.chain)}
    return None


def target_group(group: Any) -> dict[str, Any]:
    return {
        "name": group.name,
        "protocol": group.protocol,
        "port": number(group.port),
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
        "targets": [
            {"id": t["Id"], "port": int(t["Port"]), "registration": target_health.registration(group.arn, t["Id"])}
            for t in list(group.targets.values())
        ],
    }
