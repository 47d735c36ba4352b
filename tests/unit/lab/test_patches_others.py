"""S3, ACM and IAM as AWS has them; and that every patch has its probe."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path

from probes import PROBES, both_ways, probe

from lab.api import patching
from lab.api.testing import Lab


@probe("s3.tls_only_policy")
def tls_only_policy_lets_the_lab_write(lab: Lab) -> None:
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
            }
        ],
    }
    s3.put_bucket_policy(Bucket="probe", Policy=json.dumps(policy))
    s3.put_object(Bucket="probe", Key="hello", Body=b"hello")
    assert s3.get_object(Bucket="probe", Key="hello")["Body"].read() == b"hello"


@probe("acm.imported_chain")
def imported_certificate_comes_back_as_it_was(lab: Lab) -> None:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "probe.example")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=9))
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    acm = lab.client("acm")
    arn = acm.import_certificate(Certificate=pem, PrivateKey=private)["CertificateArn"]
    assert acm.get_certificate(CertificateArn=arn)["CertificateChain"].strip() == pem.decode().strip()


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
