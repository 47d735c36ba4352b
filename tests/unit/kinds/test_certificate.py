"""Certificates, read from resources made with boto3, and renewed by the module."""

from __future__ import annotations

import datetime
import types

import pytest

from ansible_collections.terrace.aws.plugins.filter import certificate as filters
from ansible_collections.terrace.aws.plugins.modules import acm_certificate
from ansible_collections.terrace.aws.plugins.plugin_utils import specs
from ansible_collections.terrace.aws.plugins.plugin_utils.engine import plan, registry


@pytest.fixture
def acm(lab):
    return lab.client("acm")


def imported(acm, tags, days, names=()):
    certificate, key = acm_certificate.self_signed("test.example", list(names), days)
    made = acm.import_certificate(Certificate=certificate, PrivateKey=key, Tags=tags("certificate", "public"))
    return made["CertificateArn"]


def fields(resource, **options):
    entry, problems = specs.validated(registry.kind("certificate"), "public", options)
    assert problems == []
    return plan.compare(registry.kind("certificate"), entry, resource)


def test_imported_is_read_from_the_list_alone(lab, cell, acm, tags):
    arn = imported(acm, tags, 825, ["www.test.example"])
    lab.reset_calls()
    found = cell().observed("certificate")["public"]
    assert found.id == arn
    assert found.attributes == {
        "domain": "test.example",
        "alternative_names": ["www.test.example"],
        "self_signed": True,
        "expiring": False,
    }
    assert "acm.DescribeCertificate" not in lab.calls()["by_operation"]
    assert fields(found, domain="test.example", alternative_names=["www.test.example"], self_signed=True) == {}


def test_requested_is_described(cell, acm, tags):
    acm.request_certificate(DomainName="test.example", ValidationMethod="DNS", Tags=tags("certificate", "public"))
    found = cell().observed("certificate")["public"]
    assert not found.attributes["self_signed"]
    assert [record["Type"] for record in found.facts["validation"]] == ["CNAME"]
    assert fields(found, domain="test.example") == {}


def test_self_signed_is_renewed_in_its_last_month_and_keeps_its_arn(cell, acm, tags):
    arn = imported(acm, tags, 20)
    found = cell().observed("certificate")["public"]
    assert fields(found, domain="test.example", self_signed=True) == {"expiring": {"before": True, "after": False}}

    options = {"self_signed": True, "domain": "test.example", "alternative_names": [], "days": 825}
    assert acm_certificate.renew(acm, types.SimpleNamespace(check_mode=False, params=options), arn)
    renewed = cell().observed("certificate")["public"]
    assert renewed.id == arn
    assert fields(renewed, domain="test.example", self_signed=True) == {}
    until = acm.describe_certificate(CertificateArn=arn)["Certificate"]["NotAfter"]
    assert until - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=800)


KIND = registry.kind("certificate")


def entry(**options):
    made, problems = specs.validated(KIND, "public", {"domain": "test.example", **options})
    assert problems == []
    return made


def params(tags, **options):
    every = {each["Key"]: each["Value"] for each in tags("certificate", "public")}
    return {
        "domain": "test.example", "alternative_names": [], "self_signed": False, "token": "test-public", "tags": every,
        **options,
    }  # fmt: skip


def test_capitals_and_a_final_dot_mean_nothing(cell, acm, tags):
    names = {"domain": "Test.Example.", "alternative_names": ["WWW.test.example.", "test.example"]}
    acm_certificate.made(acm, params(tags, **names))
    found = cell().observed("certificate")["public"]
    assert found.attributes["domain"] == "test.example"
    assert found.attributes["alternative_names"] == ["www.test.example"]
    assert fields(found, **names) == {}


def test_a_second_one_beside_the_first_is_another_request(acm, tags, monkeypatch):
    first = acm_certificate.made(acm, params(tags))
    assert acm_certificate.made(acm, params(tags)) != first
    monkeypatch.setattr(acm_certificate, "same_domain", lambda *_args: [])
    assert acm_certificate.made(acm, params(tags)) == first, "the same request, asked again before ACM lists it"


def test_a_request_that_acm_remembers_as_deleted_is_made_anew(acm, tags, monkeypatch):
    gone = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
    tokens = []
    real = acm.request_certificate

    def request(**arguments):
        tokens.append(arguments["IdempotencyToken"])
        return {"CertificateArn": gone} if len(tokens) == 1 else real(**arguments)

    monkeypatch.setattr(acm, "request_certificate", request)
    assert acm_certificate.made(acm, params(tags)) != gone
    assert len(set(tokens)) == 2


def test_validating_records_are_awaited_and_go_to_the_cells_own_zone(lab, acm, tags, monkeypatch):
    arn = acm_certificate.made(acm, params(tags, alternative_names=["www.test.example"]))
    lab.state("acm", arn, "PENDING_VALIDATION")
    real, looks = acm.describe_certificate, []

    def describe(**arguments):
        answer = real(**arguments)
        looks.append(answer)
        if len(looks) == 1:
            del answer["Certificate"]["DomainValidationOptions"][0]["ResourceRecord"]
        return answer

    monkeypatch.setattr(acm, "describe_certificate", describe)
    records = acm_certificate.validation(acm, arn, pause=0)
    assert len(looks) == 2
    assert records

    def written(**options):
        return [{"__certificate_entry": {"value": entry(**options)}, "validation": records}]

    zones = {"public": {"id": "Z1"}}
    assert {each["zone_id"] for each in filters.validation_records(written(zone="public"), zones)} == {"Z1"}
    assert filters.validation_records(written(validation_zone="test.example"), {})[0]["zone"] == "test.example"
    assert filters.validation_records(written(), zones) == []


@pytest.mark.parametrize("status", ["VALIDATION_TIMED_OUT", "EXPIRED", "REVOKED", "FAILED"])
def test_a_failed_one_is_made_anew_beside_the_old(lab, cell, acm, tags, status):
    arn = acm_certificate.made(acm, params(tags))
    lab.state("acm", arn, status)
    found = cell().observed("certificate")["public"]
    assert found.state == "failed"
    detail = {**acm.describe_certificate(CertificateArn=arn)["Certificate"], "FailureReason": "CAA_ERROR"}
    found = KIND._resource(arn, detail, {})
    assert found.facts["failure"] == "CAA_ERROR: a CAA record of the domain has to allow amazon.com"
    assert (KIND.remedy("public", entry(), found), KIND.replacement) == ("remake", "create_first")


def test_a_pending_request_is_written_again_where_the_role_validates_it(lab, cell, acm, tags):
    lab.state("acm", acm_certificate.made(acm, params(tags)), "PENDING_VALIDATION")
    found = cell().observed("certificate")["public"]
    assert KIND.condition("public", entry(), found) == {}
    wanted = {"validation": {"before": "PENDING_VALIDATION", "after": "ISSUED"}}
    assert KIND.condition("public", entry(zone="public"), found) == wanted
    found.state = "ready"
    assert KIND.condition("public", entry(zone="public"), found) == {}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"zone": "public"}, ""),
        ({"zone": "public", "alternative_names": ["*.Test.example."]}, ""),
        ({"zone": "public", "alternative_names": ["other.example"]}, "other.example is not in public (test.example)"),
        ({"zone": "internal"}, "internal is a private zone"),
        ({"zone": "public", "self_signed": True}, "is not validated"),
        ({"zone": "public", "validation_zone": "test.example"}, "not both"),
        ({"domain": "test"}, "domain: test is not a domain name, such as *.example.com"),
        ({"domain": f"{'x' * 60}.example"}, "domain: has 68 characters; right are at most 64"),
        ({"alternative_names": [f"{'x' * 60}.test.example", "a b"]}, "alternative_names[1]: a b is not a domain name"),
    ],
)
def test_check(options, problem):
    world = {
        "hosted_zone": {
            "public": {"domain": "Test.example.", "vpcs": []},
            "internal": {"domain": "test.example", "vpcs": ["main"]},
        }
    }
    given, wrong = specs.validated(KIND, "public", {"domain": "test.example", **options})
    found = "; ".join(wrong or KIND.check("public", given, world))
    assert problem in found
    assert bool(found) == bool(problem), found
