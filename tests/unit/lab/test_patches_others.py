"""S3, ACM and IAM as AWS has them; and that every patch has its probe."""

from __future__ import annotations

import datetime
import http.client
import importlib
import json
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from probes import PROBES, both_ways, error_code, probe

from lab.api import patching
from lab.api.testing import Lab


@probe("s3.policy_conditions")
def policies_ask_for_tls_and_for_addresses(lab: Lab) -> None:
    s3 = lab.client("s3")
    s3.create_bucket(Bucket="probe")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::probe", "arn:aws:s3:::probe/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": "s3:GetObject",
                "Resource": ["arn:aws:s3:::probe/hello"],
                "Condition": {"IpAddress": {"aws:SourceIp": ["15.177.0.0/18"]}},
            },
        ],
    }
    s3.put_bucket_policy(Bucket="probe", Policy=json.dumps(policy))
    for key in ("hello", "other"):
        s3.put_object(Bucket="probe", Key=key, Body=b"hello")
        assert s3.get_object(Bucket="probe", Key=key)["Body"].read() == b"hello"

    def unsigned(key: str, agent: str) -> int:
        link = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=10)
        host = "probe.s3.us-east-1.amazonaws.com"
        link.request("GET", f"/{key}", headers={"Host": host, "User-Agent": agent})
        return link.getresponse().status

    checker = "Amazon-Route53-Health-Check-Service"
    assert [unsigned("hello", checker), unsigned("other", checker), unsigned("hello", "curl")] == [200, 403, 403]


def certificate(*names: str) -> dict[str, bytes]:
    """A certificate for some names and its key, as ImportCertificate takes them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=9))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return {"Certificate": pem, "PrivateKey": private}


@probe("acm.imported_chain")
def imported_certificate_comes_back_as_it_was(lab: Lab) -> None:
    acm, made = lab.client("acm"), certificate("probe.example")
    arn = acm.import_certificate(**made)["CertificateArn"]
    assert acm.get_certificate(CertificateArn=arn)["CertificateChain"].strip() == made["Certificate"].decode().strip()


@probe("acm.names_in_the_list")
def list_has_the_alternative_names(lab: Lab) -> None:
    acm = lab.client("acm")
    arn = acm.import_certificate(**certificate("probe.example", "www.probe.example"))["CertificateArn"]
    listed = acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
    [found] = [each for each in listed if each["CertificateArn"] == arn]
    assert sorted(found["SubjectAlternativeNameSummaries"]) == ["probe.example", "www.probe.example"]
    assert found["HasAdditionalSubjectAlternativeNames"] is False


@probe("acm.imported_again")
def tags_outlive_the_certificate(lab: Lab) -> None:
    acm = lab.client("acm")
    arn = acm.import_certificate(**certificate("probe.example"), Tags=[{"Key": "a", "Value": "b"}])["CertificateArn"]
    assert acm.import_certificate(**certificate("probe.example"), CertificateArn=arn)["CertificateArn"] == arn
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


@probe("secretsmanager.errors_one_by_one")
def one_secret_without_a_value_fails_no_other(lab: Lab) -> None:
    manager = lab.client("secretsmanager")
    manager.create_secret(Name="probe-empty")
    manager.create_secret(Name="probe-full", SecretString="value")
    answer = manager.batch_get_secret_value(Filters=[{"Key": "name", "Values": ["probe-"]}])
    assert [each["Name"] for each in answer["SecretValues"]] == ["probe-full"]
    assert [each["ErrorCode"] for each in answer["Errors"]] == ["ResourceNotFoundException"]


@probe("secretsmanager.errors_one_by_one")
def secrets_come_in_pages_of_twenty(lab: Lab) -> None:
    manager = lab.client("secretsmanager")
    for number in range(25):
        manager.create_secret(Name=f"probe-{number:02}", SecretString="value")
    filters = [{"Key": "name", "Values": ["probe-"]}]
    first = manager.batch_get_secret_value(Filters=filters)
    assert len(first["SecretValues"]) == 20
    second = manager.batch_get_secret_value(Filters=filters, NextToken=first["NextToken"])
    assert len(second["SecretValues"]) == 5
    assert not second.get("NextToken")
    assert len(manager.batch_get_secret_value(Filters=filters, MaxResults=7)["SecretValues"]) == 7
    ids = [f"probe-{number:02}" for number in range(21)]
    assert error_code(manager.batch_get_secret_value, SecretIdList=ids) == "InvalidParameterException"
    shown = manager.list_secrets(MaxResults=10)
    assert (len(shown["SecretList"]), bool(shown["NextToken"])) == (10, True)


@probe("secretsmanager.moved_stages")
def what_is_current_is_what_is_answered(lab: Lab) -> None:
    manager = lab.client("secretsmanager")
    first = manager.create_secret(Name="probe", SecretString="first")["VersionId"]
    pending = {"SecretId": "probe", "SecretString": "second", "VersionStages": ["AWSPENDING"]}
    second = manager.put_secret_value(**pending)["VersionId"]
    assert manager.get_secret_value(SecretId="probe")["SecretString"] == "first"
    move = {"SecretId": "probe", "VersionStage": "AWSCURRENT", "MoveToVersionId": second, "RemoveFromVersionId": first}
    manager.update_secret_version_stage(**move)
    assert manager.get_secret_value(SecretId="probe")["SecretString"] == "second"


@probe("secretsmanager.denied_values")
def a_value_can_be_denied(lab: Lab) -> None:
    manager = lab.client("secretsmanager")
    arn = manager.create_secret(Name="probe", SecretString="value")["ARN"]
    lab.state("secretsmanager", "probe", "denied")
    assert error_code(manager.get_secret_value, SecretId="probe") == "AccessDeniedException"
    [error] = manager.batch_get_secret_value(SecretIdList=[arn])["Errors"]
    assert error["ErrorCode"] == "AccessDeniedException"
    lab.state("secretsmanager", "probe", "readable")
    assert manager.get_secret_value(SecretId="probe")["SecretString"] == "value"


@probe("secretsmanager.emptied_descriptions")
def a_description_can_be_emptied(lab: Lab) -> None:
    manager = lab.client("secretsmanager")
    manager.create_secret(Name="probe", SecretString="value", Description="First")
    manager.update_secret(SecretId="probe", KmsKeyId="alias/aws/secretsmanager")
    assert manager.describe_secret(SecretId="probe")["Description"] == "First"
    manager.update_secret(SecretId="probe", Description="")
    assert not manager.describe_secret(SecretId="probe").get("Description")


@probe("iam.role_update")
def a_role_keeps_what_is_not_named(lab: Lab) -> None:
    iam = lab.client("iam")
    trust = '{"Version": "2012-10-17", "Statement": []}'
    iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust, Description="First", MaxSessionDuration=7200)
    iam.update_role(RoleName="probe", Description="Second")
    iam.update_role(RoleName="probe", MaxSessionDuration=14400)
    iam.update_role(RoleName="probe")
    role = iam.get_role(RoleName="probe")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("Second", 14400)


test_as_aws_does, test_moto_still_differs = both_ways(__name__)


def test_every_patch_is_probed() -> None:
    for path in Path(__file__).parent.glob("test_patches_*.py"):
        importlib.import_module(path.stem)
    probed = {known.patch for known in PROBES}
    patches = {name for name, patch in patching.discover().items() if not patch.speed}
    assert patches - probed == set()
    assert probed - patches == set()


def test_patches_say_what_they_are_for() -> None:
    for patch in patching.discover().values():
        assert patch.document.startswith("https://"), patch.name
        assert patch.moto, patch.name
        assert patch.aws, patch.name


def test_moto_is_the_version_the_patches_were_written_for() -> None:
    import moto

    assert moto.__version__ == patching.MOTO_VERSION


def test_looking_up_an_account_is_quick(lab: Lab) -> None:
    """The patch iam.account_lookup: a first call in an empty account takes a fraction of a second."""
    sts = lab.client("sts")
    start = time.perf_counter()
    sts.get_caller_identity()
    assert time.perf_counter() - start < 2


def test_managed_policies_count_their_own_attachments(lab: Lab) -> None:
    """The patch iam.managed_policies: accounts share no counter."""
    arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    trust = '{"Version": "2012-10-17", "Statement": []}'
    for account, count in (("123456789012", 1), ("222222222222", 0)):
        iam = lab.client("iam", account=account)
        if count:
            iam.create_role(RoleName="probe", AssumeRolePolicyDocument=trust)
            iam.attach_role_policy(RoleName="probe", PolicyArn=arn)
        assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == count


def test_policy_without_tls_condition_still_denies(lab: Lab) -> None:
    import pytest
    from botocore.exceptions import ClientError

    s3 = lab.client("s3")
    s3.create_bucket(Bucket="probe")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::probe/*"}
    s3.put_bucket_policy(Bucket="probe", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    with pytest.raises(ClientError, match=r"Forbidden|AccessDenied"):
        s3.put_object(Bucket="probe", Key="hello", Body=b"hello")
