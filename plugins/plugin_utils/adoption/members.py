# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What belongs to a platform: what lies in its VPC, and what that uses."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..engine.kind import LEAVING, Kind, Resource
from ..engine.plan import names_observed
from .region import Address, Region, basic_kinds


@dataclass
class Members:
    """What was found.

    :ivar resources: what belongs to the platform, by kind and id
    :ivar passed_over: what does not although it is near, and why; ``kind/id`` or AWS's words for what has no kind
    :ivar shared: what others use as well, and who they are
    """

    resources: dict[Address, Resource] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)
    shared: dict[str, list[str]] = field(default_factory=dict)


class Search:
    """Finds the members of a platform in a region.

    :param region: the region
    """

    def __init__(self, region: Region) -> None:
        self._kinds = basic_kinds()
        self._region = region
        self._observed = region.observe(sorted(region.whole))
        self.found = Members()

    def everything_in(self, vpcs: t.Iterable[str]) -> set[Address]:
        """What lies in VPCs, over whatever refers to them.

        :raises ValueError: naming the VPCs that are not there, or are another cell's
        """
        inside: set[Address] = set()
        for vpc in vpcs:
            if owner := self._region.others.get(("vpc", vpc)):
                raise ValueError(f"{vpc} belongs to the cell {owner}")
            if vpc not in self._observed["vpc"]:
                raise ValueError(f"there is no VPC {vpc} in {self._region.region}")
            inside.add(("vpc", vpc))
        while more := {each for each in self._all() if each not in inside and self._refers(each, inside)}:
            inside |= more
        interfaces = self._interfaces([vpc for kind, vpc in inside if kind == "vpc"])
        self._others_inside(interfaces)
        addresses = self._region.pages("ec2", "describe_addresses", "Addresses")
        return inside | {
            ("elastic_ip", each["AllocationId"])
            for each in addresses
            if each.get("NetworkInterfaceId") in interfaces and each.get("AllocationId")
        }

    def tagged(self, tags: dict[str, str]) -> set[Address]:
        """What carries all these tags, of the kinds within VPCs."""
        return {
            each for each in self._all() if all(self._region.carried.get(each, {}).get(k) == v for k, v in tags.items())
        }

    def close(self, seeds: t.Iterable[Address]) -> Members:
        """The seeds, whatever they use, and what AWS keeps no tags on and belongs to one of them."""
        chosen: set[Address] = set()
        queue = list(seeds)
        while queue:
            self._read({each for each in queue if each[0] not in self._region.whole})
            for each in queue:
                if self._resource(each) and not self._reason(each):
                    chosen.add(each)
            needed = {other for each in chosen for other in self._uses(each)}
            children = {
                each for each in self._all() if not self._kinds[each[0]].taggable and self._refers(each, chosen)
            }
            queue = sorted((needed | children) - chosen - {each for each in needed if self._known_reason(each)})
        self._judge(chosen)
        return self.found

    # -- parts ---------------------------------------------------------------------------------------------------
    def _all(self) -> t.Iterator[Address]:
        for kind, resources in self._observed.items():
            yield from ((kind, ident) for ident in resources)

    def _resource(self, each: Address) -> Resource | None:
        resource = self._observed.get(each[0], {}).get(each[1])
        return resource if resource and resource.state != LEAVING else None

    def _read(self, wanted: set[Address]) -> None:
        """Read resources of kinds that are not read as a whole."""
        new = {each for each in wanted if each[1] not in self._region.wanted.get(each[0], ())}
        for kind, ident in new:
            self._region.wanted.setdefault(kind, set()).add(ident)
        kinds = sorted({kind for kind, _ident in new})
        if kinds:
            known = {kind: found for kind, found in self._observed.items() if kind not in kinds}
            self._region = self._region.another_look(known)
            self._observed |= self._region.observe(kinds)

    def _named(self, each: Address) -> t.Iterator[tuple[str, Address]]:
        """What a resource refers to, as ``(option, resource)``; what may come and go without it is left out."""
        kind, resource = self._kinds[each[0]], self._observed[each[0]][each[1]]
        for option, other in kind.references.items():
            if option not in kind.loose and other in self._kinds:
                for name in names_observed(kind, option, resource):
                    yield option, (other, plain_id(other, name))

    def _refers(self, each: Address, to: t.Container[Address]) -> bool:
        return any(other in to for _option, other in self._named(each))

    def _uses(self, each: Address) -> set[Address]:
        return {other for _option, other in self._named(each) if not _is_aws(*other)}

    def _known_reason(self, each: Address) -> bool:
        """Whether it is known already that a resource is not adopted, or is not there."""
        read = each[0] in self._region.whole or each[1] in self._region.wanted.get(each[0], ())
        if not read or (self._resource(each) and f"{each[0]}/{each[1]}" not in self.found.passed_over):
            return False
        if owner := self._region.others.get(each):
            self.found.passed_over.setdefault(f"{each[0]}/{each[1]}", f"belongs to the cell {owner}")
        return True

    def _reason(self, each: Address) -> str:
        """Why a resource is passed over; empty where it is not."""
        resource = self._observed[each[0]][each[1]]
        reason = unsupported(self._kinds[each[0]], resource)
        if reason:
            self.found.passed_over[f"{each[0]}/{each[1]}"] = reason
        return reason

    def _judge(self, chosen: set[Address]) -> None:
        """Leave out default groups that nothing uses, and say what others use as well."""
        users: dict[Address, set[Address]] = {}
        passed_over = set(self.found.passed_over)
        for each in self._all():
            for _option, other in self._named(each):
                users.setdefault(other, set()).add(each)
        for each in sorted(chosen):
            resource = self._observed[each[0]][each[1]]
            if (
                each[0] == "security_group"
                and resource.facts["name"] == "default"
                and not users.get(each, set()) & chosen
            ):
                self.found.passed_over[f"{each[0]}/{each[1]}"] = (
                    "the VPC's default group; nothing of the platform uses it"
                )
                continue
            self.found.resources[each] = resource
            strangers = sorted({f"{kind}/{ident}" for kind, ident in users.get(each, set()) - chosen} - passed_over)
            if strangers:
                self.found.shared[f"{each[0]}/{each[1]}"] = strangers
        for kind, ident in sorted(self._all()):
            if kind == "dns_record" and (kind, ident) not in chosen:
                self._public_zone(self._observed[kind][ident], chosen)

    def _public_zone(self, record: Resource, chosen: set[Address]) -> None:
        """A zone that lies in no VPC is not found by it, but by a record that leads into it."""
        kind = self._kinds["dns_record"]
        targets = {
            (kind.references[option], name) for option in kind.loose for name in names_observed(kind, option, record)
        }
        zone = record.attributes["zone"]
        if targets & chosen and ("hosted_zone", zone) not in chosen:
            self.found.passed_over[f"hosted_zone/{zone}"] = (
                f"lies in no VPC of the platform, but {record.facts['name']} leads to it; name the zone's ARN in adopt_ids"
            )

    def _interfaces(self, vpcs: list[str]) -> dict[str, dict[str, t.Any]]:
        of_vpcs = [{"Name": "vpc-id", "Values": vpcs}]
        found = self._region.pages("ec2", "describe_network_interfaces", "NetworkInterfaces", Filters=of_vpcs)
        return {each["NetworkInterfaceId"]: each for each in found}

    def _others_inside(self, interfaces: dict[str, dict[str, t.Any]]) -> None:
        """What lies in the VPCs and has no kind: it stays as it is, and keeps what it uses from being removed."""
        grouped = {
            machine for group in self._observed["autoscaling_group"].values() for machine in group.facts["instances"]
        }
        for ident, each in interfaces.items():
            machine = (each.get("Attachment") or {}).get("InstanceId")
            sort = each.get("InterfaceType", "interface")
            if machine and machine not in grouped:
                self.found.passed_over[machine] = (
                    "a machine outside of any auto scaling group; Terrace has no kind for it"
                )
            elif not machine and sort in ("lambda", "efs", "transit_gateway", "api_gateway_managed"):
                self.found.passed_over[ident] = (
                    f"a network interface of {sort}; Terrace has no kind for what it belongs to"
                )


def plain_id(kind: str, ident: str) -> str:
    """A resource's id as its kind has it: services name a key by its ARN, KMS by the id in that."""
    return ident.rsplit("/", 1)[-1] if kind == "kms_key" and ":key/" in ident else ident


def _is_aws(kind: str, ident: str) -> bool:
    """Whether it is AWS's own: default parameter groups, keys by alias."""
    return ident.startswith(("default.", "default:")) or (kind == "kms_key" and "alias/aws/" in ident)


def unsupported(kind: Kind, resource: Resource) -> str:
    """Why a resource is not adopted, whoever uses it; empty where it is."""
    facts = resource.facts
    if kind.name == "network_acl" and facts["default"]:
        return f"the VPC's default ACL, which AWS keeps; it has {len(facts['subnet_ids'])} subnets"
    if kind.name == "route_table" and facts["main"] and not resource.attributes["subnets"]:
        return "the VPC's main route table, which AWS keeps; no subnet names it"
    if kind.name == "load_balancer" and facts["type"] != "application":
        return f"a {facts['type']} load balancer; Terrace has no kind for it"
    if kind.name == "iam_role" and resource.attributes["path"].startswith("/aws-service-role/"):
        return "a role of an AWS service"
    return ""
