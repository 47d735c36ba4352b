"""Which account an access key belongs to, and which keys the lab refuses.

AWS tells expired, unknown and missing credentials apart, in different words per service:
https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from moto.core import DEFAULT_ACCOUNT_ID

from . import errors
from .calls import Call

LAB_KEYS = frozenset({"lab", "test", "testing"})
EXPIRED_PREFIXES = ("AKIAEXPIRED", "ASIAEXPIRED")
EXPIRED_MESSAGE = "The security token included in the request is expired"
UNKNOWN_MESSAGE = "The security token included in the request is invalid."


def account_of(access_key: str) -> str:
    """Return the account of an access key; the default account for the lab's own key and unknown ones."""
    return _find(access_key) or DEFAULT_ACCOUNT_ID


def _find(access_key: str) -> str | None:
    """Return the account in which IAM or STS issued the key, or None.

    Reads only what exists: moto's own look-up makes an IAM backend for every partition of every account.
    """
    from moto.iam.models import iam_backends

    for account, partitions in list(dict.items(iam_backends)):
        for backend in list(dict.values(partitions)):
            if access_key in backend.access_keys:
                return account
    return None


def refusal(call: Call) -> errors.Answer | None:
    """Return the error for expired or unknown credentials, or None when the call may go on."""
    key = call.access_key
    if not key or key in LAB_KEYS:
        return None
    if key.startswith(EXPIRED_PREFIXES):
        return errors.answer(call.protocol, call.service, *_expired(call))
    if _find(key) is None:
        return errors.answer(call.protocol, call.service, *_unknown(call))
    return None


def _expired(call: Call) -> tuple[int, str, str]:
    if call.protocol == "ec2":
        return 400, "RequestExpired", "Request has expired."
    if call.service == "s3":
        return 400, "ExpiredToken", "The provided token has expired."
    if call.protocol in ("json", "rest-json", "cbor"):
        return 403 if call.protocol == "rest-json" else 400, "ExpiredTokenException", EXPIRED_MESSAGE
    return 403, "ExpiredToken", EXPIRED_MESSAGE


def _unknown(call: Call) -> tuple[int, str, str]:
    if call.protocol == "ec2":
        return 401, "AuthFailure", "AWS was not able to validate the provided access credentials"
    if call.service == "s3":
        return 403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
    if call.protocol in ("json", "rest-json", "cbor"):
        return 403 if call.protocol == "rest-json" else 400, "UnrecognizedClientException", UNKNOWN_MESSAGE
    return 403, "InvalidClientTokenId", UNKNOWN_MESSAGE
