"""How AWS tells the options of roles, keys, zones, records and certificates."""

from __future__ import annotations

import base64
import json
import typing as t

from .aws import Aws, reader, tags_of


@reader("iam_role")
def iam_role(aws: Aws, name: str) -> dict[str, t.Any]:
    iam = aws.client("iam")
    role = f"{aws.cell}-{name}"
    found = iam.get_role(RoleName=role)["Role"]
    [statement] = found["AssumeRolePolicyDocument"]["Statement"]
    services = statement["Principal"]["Service"]
    attached = aws.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role)
    told = {
        "description": found.get("Description"),
        "assumed_by": [each.removesuffix(".amazonaws.com") for each in listed(services)],
        "managed_policies": sorted(each["PolicyName"] for each in attached),
        "instance_profile": bool(iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]),
        "boundary": (found.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "max_session_duration": found["MaxSessionDuration"],
        "path": found["Path"],
    }
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        [own] = document["Statement"]
        told |= {
            "policies.read.Objects.effect": own["Effect"].lower(),
            "policies.read.Objects.actions": sorted(listed(own["Action"])),
            "policies.read.Objects.resources": sorted(listed(own["Resource"])),
            "policies.read.Objects.conditions": own.get("Condition"),
        }
    return told


def listed(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else [value]


@reader("key_pair")
def key_pair(aws: Aws, name: str) -> dict[str, t.Any]:
    shown = aws.client("ec2").describe_key_pairs(KeyNames=[f"{aws.cell}-{name}"], IncludePublicKey=True)
    [found] = shown["KeyPairs"]
    kind, key = found["PublicKey"].split()[:2]
    assert base64.b64decode(key)
    return {"public_key": f"{kind} {key}"}


@reader("kms_key")
def kms_key(aws: Aws, name: str) -> dict[str, t.Any]:
    kms = aws.client("kms")
    candidates = {arn for arn, called in aws.keys.items() if called == name and arn.startswith("arn:")}
    shown = [kms.describe_key(KeyId=arn)["KeyMetadata"] for arn in candidates]
    [found] = [each for each in shown if each["KeyState"] != "PendingDeletion"]
    policy = json.loads(kms.get_key_policy(KeyId=found["KeyId"], PolicyName="default")["Policy"])
    principals = [each["Principal"] for each in policy["Statement"]]
    root = f"arn:aws:iam::{found['AWSAccountId']}:root"
    return {
        "description": found.get("Description"),
        "enabled": found["Enabled"],
        "rotation": kms.get_key_rotation_status(KeyId=found["KeyId"])["KeyRotationEnabled"],
        "multi_region": found["MultiRegion"],
        "services": sorted(
            {service.split(".")[0] for each in principals for service in listed(each.get("Service", []))}
        ),
        "principals": sorted({arn for each in principals for arn in listed(each.get("AWS", []))} - {root}),
    }


def zones(aws: Aws) -> dict[str, dict[str, t.Any]]:
    """Hosted zones by logical name; those of others by their ids."""
    route53 = aws.client("route53")
    found = {}
    for zone in aws.pages("route53", "list_hosted_zones", "HostedZones"):
        short = zone["Id"].rpartition("/")[2]
        tags = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=short)["ResourceTagSet"]["Tags"]
        found[aws.short(tags_of(tags).get("Name")) or zone["Id"]] = zone
    return found


@reader("hosted_zone")
def hosted_zone(aws: Aws, name: str) -> dict[str, t.Any]:
    found = zones(aws)[name]
    vpcs = aws.client("route53").get_hosted_zone(Id=found["Id"])["VPCs"]
    return {
        "domain": found["Name"].rstrip("."),
        "vpcs": aws.names(each["VPCId"] for each in vpcs),
        "comment": found["Config"].get("Comment"),
    }


@reader("dns_record")
def dns_record(aws: Aws, name: str) -> dict[str, t.Any]:
    zone, label, sort, *identifier = name.split("/")
    found = zones(aws)[zone]
    records = aws.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=found["Id"])
    wanted = (f"{label}.{found['Name']}", sort, *identifier)
    [record] = [
        each
        for each in records
        if tuple(str(each[key]) for key in ("Name", "Type", "SetIdentifier") if key in each) == wanted
    ]
    alias = record.get("AliasTarget")
    values = sorted(each["Value"] for each in record.get("ResourceRecords", []))
    return {
        "ttl": record.get("TTL"),
        "values": values,
        "target": target(aws, [alias["DNSName"]] if alias else values),
        "weight": record.get("Weight"),
        "region": record.get("Region"),
        "failover": record.get("Failover", "").lower(),
        "health_check": checks(aws).get(record.get("HealthCheckId", "")),
        "evaluate_target_health": bool(alias and alias["EvaluateTargetHealth"]),
    }


def target(aws: Aws, values: list[str]) -> str | None:
    """What a record leads to, by the name AWS gave it."""
    first = values[0].rstrip(".") if values else ""
    # The first node's name of a replication group of Redis: master.<cell>-<name>.<id>.…
    if first.startswith("master."):
        return f"cache:{aws.short(first.split('.')[1])}"
    balancers = aws.pages("elbv2", "describe_load_balancers", "LoadBalancers")
    names = {each["DNSName"].lower(): each["LoadBalancerName"] for each in balancers}
    called = names.get(first.lower().removeprefix("dualstack."))
    return f"load_balancer:{aws.short(called)}" if called else None


def checks(aws: Aws) -> dict[str, str | None]:
    """The logical names of health checks by id."""
    route53 = aws.client("route53")
    found = {}
    for each in aws.pages("route53", "list_health_checks", "HealthChecks"):
        told = route53.list_tags_for_resource(ResourceType="healthcheck", ResourceId=each["Id"])["ResourceTagSet"]
        found[each["Id"]] = aws.short(tags_of(told["Tags"]).get("Name"))
    return found


@reader("health_check")
def health_check(aws: Aws, name: str) -> dict[str, t.Any]:
    names = checks(aws)
    [ident] = [ident for ident, called in names.items() if called == name]
    config = aws.client("route53").get_health_check(HealthCheckId=ident)["HealthCheck"]["HealthCheckConfig"]
    alarm = config.get("AlarmIdentifier", {})
    return {
        "type": config["Type"],
        "fqdn": config.get("FullyQualifiedDomainName", ""),
        "ip_address": config.get("IPAddress", ""),
        "port": config.get("Port"),
        "resource_path": config.get("ResourcePath", ""),
        "search_string": config.get("SearchString", ""),
        "request_interval": config.get("RequestInterval"),
        "failure_threshold": config.get("FailureThreshold"),
        "inverted": config["Inverted"],
        "disabled": config["Disabled"],
        "measure_latency": config.get("MeasureLatency"),
        "enable_sni": config.get("EnableSNI"),
        "regions": sorted(config.get("Regions", [])),
        "alarm.region": alarm.get("Region"),
        "alarm.name": alarm.get("Name"),
        "alarm.insufficient_data": config.get("InsufficientDataHealthStatus"),
        "children": sorted(str(names[each]) for each in config.get("ChildHealthChecks", [])),
        "health_threshold": config.get("HealthThreshold"),
    }


@reader("certificate")
def certificate(aws: Aws, name: str) -> dict[str, t.Any]:
    acm = aws.client("acm")
    found = [
        acm.describe_certificate(CertificateArn=arn)["Certificate"]
        for arn, to in aws.certificates.items()
        if to == name
    ]
    [shown] = found
    domain = shown["DomainName"]
    record = next(
        (each["ResourceRecord"] for each in shown.get("DomainValidationOptions", []) if "ResourceRecord" in each), {}
    )
    zone, where = holding(aws, record.get("Name", ""))
    return {
        "domain": domain,
        "alternative_names": sorted(set(shown["SubjectAlternativeNames"]) - {domain}),
        "self_signed": shown["Type"] == "IMPORTED",
        "zone": zone,
        "validation_zone": where,
    }


def holding(aws: Aws, record: str) -> tuple[str | None, str | None]:
    """The zone a record is in: its logical name and its domain."""
    for called, zone in zones(aws).items():
        pages = aws.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"])
        if record and record in [each["Name"] for each in pages]:
            return called, zone["Name"].rstrip(".")
    return None, None
