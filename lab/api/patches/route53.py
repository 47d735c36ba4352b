"""Route 53: names as it lists them, batches that are right or refused, zones of one's own."""

from __future__ import annotations

import threading
from typing import Any

from lab.api import record_sets
from lab.api.patching import patch
from lab.api.wrapping import method, wrap

API = "https://docs.aws.amazon.com/Route53/latest/APIReference/"
GUIDE = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/"


@patch(
    moto="creates what exists, deletes every record set with an identifier wherever it is, or all of a name, takes values"
    " of no address, several values of a CNAME and labels of any length, health checks that are not there, two primary records"
    " of a name and primary ones without a check, does half of a batch that fails, and keeps capitals and *",
    aws="a record set is its name, type and identifier: CREATE of one there is, DELETE of one there is not or with other"
    " values, is InvalidChangeBatch, a health check that is not there NoSuchHealthCheck, and nothing of the batch is done;"
    " names are listed in lower case with a final dot and octal codes (\\052 for *)",
    document=API + "API_ChangeResourceRecordSets.html",
)
def batches() -> None:
    from moto.route53.exceptions import Route53ClientError
    from moto.route53.models import RecordSet, Route53Backend

    lock = threading.Lock()

    @method(Route53Backend)
    def change_resource_record_sets(self: Any, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        zone = self.get_hosted_zone(zoneid)
        with lock:
            try:
                zone.rrsets = record_sets.changed(zone, change_list, RecordSet, self.health_checks)
            except record_sets.BatchError as error:
                raise Route53ClientError(error.code, error.message) from None


@patch(
    moto="keeps the name of a zone as it was written, makes a public zone of one with a VPC, makes a zone"
    " twice for the same caller reference, and two private"
    " zones of one name for one VPC",
    aws="lists a zone's name in lower case with a final dot; a zone with a VPC is private;"
    " HostedZoneAlreadyExists, ConflictingDomainExists",
    document=API + "API_CreateHostedZone.html",
)
def zones() -> None:
    from moto.route53.exceptions import Route53ClientError
    from moto.route53.models import Route53Backend
    from moto.route53.responses import Route53

    @wrap(Route53, "create_hosted_zone")
    def respond(original: Any, self: Any) -> Any:
        if self._get_param("VPC.VPCId"):
            self.params["HostedZoneConfig"] = {**(self.params.get("HostedZoneConfig") or {}), "PrivateZone": True}
        return original(self)

    @wrap(Route53Backend, "create_hosted_zone")
    def create(original: Any, self: Any, name: str, private_zone: bool, **options: Any) -> Any:
        name, vpc = record_sets.listed(name), options.get("vpcid")
        for zone in list(self.zones.values()):
            if options.get("caller_reference") and zone.caller_reference == options["caller_reference"]:
                message = f"A hosted zone has already been created with the specified caller reference: {zone.id}"
                raise Route53ClientError("HostedZoneAlreadyExists", message)
            if vpc and zone.name == name and vpc in [each.get("vpc_id") for each in zone.vpcs]:
                message = f"The VPC {vpc} is already associated with another hosted zone with the same domain name."
                raise Route53ClientError("ConflictingDomainExists", message)
        return original(self, name, private_zone, **options)


@patch(
    moto="deletes a zone that delegates subdomains (NS records)",
    aws="answers HostedZoneNotEmpty unless the NS and SOA records of the zone itself are all it has",
    document=API + "API_DeleteHostedZone.html",
)
def zones_with_records() -> None:
    from moto.route53.exceptions import HostedZoneNotEmpty
    from moto.route53.models import Route53Backend

    @wrap(Route53Backend, "delete_hosted_zone")
    def delete(original: Any, self: Any, id_: str) -> Any:
        zone = self.get_hosted_zone(id_)
        if any(each.name != record_sets.listed(zone.name) or each.type not in ("NS", "SOA") for each in zone.rrsets):
            raise HostedZoneNotEmpty()
        return original(self, id_)


@patch(
    moto="ListResourceRecordSets does not know StartRecordIdentifier: a page that ends between two record sets of a name"
    " begins again with the first",
    aws="goes on where it stopped, by name, type and identifier",
    document=API + "API_ListResourceRecordSets.html",
)
def pages() -> None:
    from moto.core.responses import ActionResult
    from moto.route53.exceptions import InvalidInput
    from moto.route53.responses import Route53

    @method(Route53)
    def list_resource_record_sets(self: Any) -> ActionResult:
        zone = self.backend.get_hosted_zone(self._get_param("HostedZoneId"))
        name, sort = self._get_param("StartRecordName"), self._get_param("StartRecordType")
        identifier, size = self._get_param("StartRecordIdentifier"), self._get_int_param("MaxItems", 300)
        if (sort and not name) or (identifier and not sort):
            raise InvalidInput("The input is not valid")
        records = sorted(zone.rrsets, key=record_sets.order)
        if name:
            labels = ".".join(reversed(record_sets.listed(name).rstrip(".").split(".")))
            start = (labels, sort or "", identifier or "")
            records = [each for each in records if record_sets.order(each) >= start]
        following = records[size] if len(records) > size else None
        result = {
            "ResourceRecordSets": records[:size],
            "IsTruncated": following is not None,
            "NextRecordName": following.name if following else None,
            "NextRecordType": following.type if following else None,
            "NextRecordIdentifier": following.set_identifier if following else None,
            "MaxItems": size,
        }
        return ActionResult(result)


@patch(
    moto="ListHostedZonesByName answers with the zones of exactly the name, in no pages",
    aws="lists the zones from the name on, by their labels from the right, in pages",
    document=API + "API_ListHostedZonesByName.html",
)
def zones_by_name() -> None:
    from moto.core.responses import ActionResult
    from moto.route53.responses import Route53

    def order(name: str, identifier: str) -> tuple[str, str]:
        return ".".join(reversed(name.rstrip(".").split("."))), identifier

    @method(Route53)
    def list_hosted_zones_by_name(self: Any) -> ActionResult:
        name, size = self._get_param("DNSName"), self._get_int_param("MaxItems", 100)
        identifier = (self._get_param("HostedZoneId") or "").replace("/hostedzone/", "")
        known = list(self.backend.zones.values())
        found = sorted(known, key=lambda zone: order(record_sets.listed(zone.name), zone.resource_id))
        if name:
            start = order(record_sets.listed(name), identifier)
            found = [each for each in found if order(record_sets.listed(each.name), each.resource_id) >= start]
        following = found[size] if len(found) > size else None
        result = {
            "DNSName": record_sets.listed(name) if name else None,
            "HostedZoneId": identifier or None,
            "HostedZones": found[:size],
            "IsTruncated": following is not None,
            "NextDNSName": following.name if following else None,
            "NextHostedZoneId": following.resource_id if following else None,
            "MaxItems": size,
        }
        return ActionResult(result)
