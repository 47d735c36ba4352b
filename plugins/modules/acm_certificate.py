#!/usr/bin/python
# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts a certificate into ACM in one call that tags it, self-signed or requested."""

DOCUMENTATION = r"""
module: acm_certificate
short_description: Request a certificate from ACM, or import a self-signed one
version_added: 0.1.0
description:
  - M(community.aws.acm_certificate) cannot request certificates, and tags an imported one in a second call, so that a run
    killed in between leaves one nobody owns.
  - The key of a self-signed certificate is made in memory and kept in ACM alone.
options:
  arn:
    description: The certificate where it exists; then only its tags are written, unless it is renewed.
    type: str
  renew:
    description: Import the self-signed certificate O(arn) again, with a new key; its ARN, and what uses it, stay.
    type: bool
    default: false
  state:
    description:
      - Whether it is to exist. Removal waits for two minutes at most until nothing uses it, for ACM hears of a listener's
        change some time after it.
    type: str
    choices: [present, absent]
    default: present
  domain:
    description: The domain name it is for. Required when O(state=present), like O(token) and O(tags).
    type: str
  alternative_names:
    description: Further names.
    type: list
    elements: str
    default: []
  self_signed:
    description: Import a certificate signed by itself instead of requesting one that DNS validates.
    type: bool
    default: false
  days:
    description: How long a self-signed certificate is valid.
    type: int
    default: 825
  token:
    description:
      - Makes a repeated request the same request, as long as no other certificate for the domain has come or gone; ACM remembers
        it for an hour. Where it remembers one that failed or was deleted, a new request is made.
    type: str
  tags:
    description: All tags of the certificate.
    type: dict
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The Terrace developers (@terrace)
"""

EXAMPLES = r"""
- name: Request a certificate
  terrace.aws.acm_certificate:
    domain: www.example.com
    token: shop-public
    tags: {Name: shop-public}
"""

RETURN = r"""
arn:
  description: The certificate.
  returned: always
  type: str
validation:
  description: The records that validate a pending request, each with C(Name), C(Type) and C(Value).
  returned: always
  type: list
"""

import contextlib
import datetime
import hashlib
import secrets
import time
import typing as t

with contextlib.suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)


def self_signed(domain: str, names: list[str], days: int) -> tuple[bytes, bytes]:
    """A certificate for the names and its key, PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, domain[:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in [domain, *names]]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


#: How often and how many seconds apart ACM is asked for the validating records, which it knows shortly after the request.
LOOKS = 30
PAUSE = 2
PENDING = "PENDING_VALIDATION"
#: ACM lists RSA 2048 certificates only, unless the key types are named.
KEY_TYPES = ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]


def plain(name: str) -> str:
    """A domain name as ACM takes it: lower case, no final dot."""
    return name.rstrip(".").lower()


def requested(client: t.Any, params: dict[str, t.Any], token: str) -> str:
    """Request a certificate; its ARN."""
    domain = plain(params["domain"])
    others = sorted({plain(name) for name in params["alternative_names"]} - {domain})
    return client.request_certificate(
        DomainName=domain,
        ValidationMethod="DNS",
        IdempotencyToken=hashlib.sha256(token.encode()).hexdigest()[:32],
        Tags=ansible_dict_to_boto3_tag_list(params["tags"]),
        **({"SubjectAlternativeNames": others} if others else {}),
    )["CertificateArn"]


def same_domain(client: t.Any, domain: str) -> list[str]:
    """The ARNs of all certificates for a domain."""
    pages = client.get_paginator("list_certificates").paginate(Includes={"keyTypes": KEY_TYPES})
    found = (each for page in pages for each in page["CertificateSummaryList"])
    return sorted(each["CertificateArn"] for each in found if each["DomainName"] == domain)


def described(client: t.Any, arn: str) -> dict[str, t.Any]:
    """A certificate as it is; empty where it is not there."""
    try:
        return client.describe_certificate(CertificateArn=arn)["Certificate"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return {}


def validation(client: t.Any, arn: str, pause: float = PAUSE) -> list[dict[str, t.Any]]:
    """The records that validate a pending request, once ACM knows them for all its names; none of any other certificate."""
    for look in range(LOOKS):
        if look:
            time.sleep(pause)
        found = described(client, arn)
        options = found.get("DomainValidationOptions", [])
        if found.get("Status") != PENDING:
            return []
        records = [option["ResourceRecord"] for option in options if option.get("ResourceRecord")]
        if options and len(records) == len(options):
            return list({record["Name"]: record for record in records}.values())
    return []


def made(client: t.Any, params: dict[str, t.Any]) -> str:
    """Make the certificate and its tags in one call; its ARN."""
    if params["self_signed"]:
        domain, names = plain(params["domain"]), [plain(name) for name in params["alternative_names"]]
        certificate, key = self_signed(domain, names, params["days"])
        tags = ansible_dict_to_boto3_tag_list(params["tags"])
        return client.import_certificate(Certificate=certificate, PrivateKey=key, Tags=tags)["CertificateArn"]
    # Certificates that are there already make it another request: the token would give back the one that is replaced.
    token = "\n".join([params["token"], *same_domain(client, plain(params["domain"]))])
    arn = requested(client, params, token)
    if described(client, arn).get("Status") in ("ISSUED", PENDING):
        return arn
    # ACM remembers the token for an hour, even where that request has failed or its certificate was deleted since.
    return requested(client, params, token + secrets.token_hex(8))


def renew(client: t.Any, module: t.Any, arn: str) -> bool:
    """Import a new self-signed certificate in the place of an existing one."""
    if not module.params["self_signed"]:
        module.fail_json(msg=f"renew: {arn} is not self-signed; ACM renews what it issued itself")
    if not module.check_mode:
        certificate, key = self_signed(*(module.params[name] for name in ("domain", "alternative_names", "days")))
        client.import_certificate(CertificateArn=arn, Certificate=certificate, PrivateKey=key)
    return True


def tagged(client: t.Any, module: t.Any, arn: str) -> bool:
    """Make the tags of an existing one as wanted; whether they were not."""
    before = boto3_tag_list_to_ansible_dict(client.list_tags_for_certificate(CertificateArn=arn)["Tags"])
    wanted = {key: str(value) for key, value in module.params["tags"].items()}
    gone, new = sorted(set(before) - set(wanted)), {k: v for k, v in wanted.items() if before.get(k) != v}
    if gone and not module.check_mode:
        client.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": key} for key in gone])
    if new and not module.check_mode:
        client.add_tags_to_certificate(CertificateArn=arn, Tags=ansible_dict_to_boto3_tag_list(new))
    return bool(gone or new)


def removed(client: t.Any, module: t.Any, arn: str, pause: float = PAUSE) -> bool:
    """Delete a certificate once nothing uses it; whether it was there."""
    if not described(client, arn):
        return False
    for look in range(0 if module.check_mode else LOOKS * 2):
        try:
            client.delete_certificate(CertificateArn=arn)
            return True
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUseException" or look == LOOKS * 2 - 1:
                raise
            time.sleep(pause)
    return True


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={
            "arn": {},
            "renew": {"type": "bool", "default": False},
            "state": {"choices": ["present", "absent"], "default": "present"},
            "domain": {},
            "alternative_names": {"type": "list", "elements": "str", "default": []},
            "self_signed": {"type": "bool", "default": False},
            "days": {"type": "int", "default": 825},
            "token": {"no_log": False},
            "tags": {"type": "dict"},
        },
        required_if=[("state", "present", ["domain", "token", "tags"]), ("state", "absent", ["arn"])],
        supports_check_mode=True,
    )
    client = module.client("acm", retry_decorator=AWSRetry.jittered_backoff())
    arn = module.params["arn"] or ""
    try:
        if module.params["state"] == "absent":
            module.exit_json(changed=removed(client, module, arn), arn=arn, validation=[])
        if arn:
            renewed = module.params["renew"] and renew(client, module, arn)
            changed = tagged(client, module, arn) or renewed
        else:
            changed, arn = True, "" if module.check_mode else made(client, module.params)
        asked = arn and not module.params["self_signed"]
        module.exit_json(changed=changed, arn=arn, validation=validation(client, arn) if asked else [])
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"could not write the certificate {module.params['domain'] or arn}")


if __name__ == "__main__":
    main()
