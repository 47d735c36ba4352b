"""Certificates, read from resources made with boto3, and renewed by the module."""

from __future__ import annotations

import datetime
import types

import pytest

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
