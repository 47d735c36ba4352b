"""What AWS refuses of tags, service by service, with the error each answers.

https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html: a key of 1 to 128 characters, a
value of up to 256, no key that begins with ``aws:``, at most 50 tags, no key twice; most services take letters, digits,
spaces and ``_ . : / = + - @`` only.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from botocore.model import OperationNotFoundError

LONGEST_KEY, LONGEST_VALUE, MOST = 128, 256, 50
_CHARACTERS = re.compile(r"^[\w\s.:/=+\-@]*$")
_READING = ("Describe", "List", "Get", "Untag", "Remove", "Delete", "Batch", "Search")


@dataclass(frozen=True)
class Errors:
    """A service's error codes: for what a tag may not be, for too many, for a key given twice; any characters or some."""

    invalid: str = "ValidationException"
    many: str = "TooManyTagsException"
    twice: str = ""
    any_characters: bool = False


SERVICES: dict[str, Errors] = {
    "acm": Errors("ValidationException", "TooManyTagsException"),
    "autoscaling": Errors("ValidationError", "LimitExceeded", any_characters=True),
    "cloudfront": Errors("InvalidTagging", "InvalidTagging"),
    "ec2": Errors("InvalidParameterValue", "TagLimitExceeded", "InvalidParameterValue", any_characters=True),
    "ecr": Errors("InvalidTagParameterException", "TooManyTagsException"),
    "eks": Errors("InvalidParameterException", "InvalidParameterException"),
    "elasticache": Errors("InvalidParameterValue", "TagQuotaPerResourceExceeded"),
    "elbv2": Errors("ValidationError", "TooManyTags", "DuplicateTagKeys"),
    "events": Errors("ValidationException", "ValidationException"),
    "iam": Errors("ValidationError", "ValidationError", "InvalidInput"),
    "kms": Errors("TagException", "LimitExceededException", "TagException"),
    "lambda": Errors("InvalidParameterValueException", "InvalidParameterValueException"),
    "logs": Errors("InvalidParameterException", "TooManyTagsException"),
    "rds": Errors("InvalidParameterValue", "InvalidParameterValue", "InvalidParameterValue"),
    "resourcegroupstaggingapi": Errors("InvalidParameterException", "InvalidParameterException", any_characters=True),
    "route53": Errors("InvalidInput", "InvalidInput"),
    "s3": Errors("InvalidTag", "BadRequest", "InvalidTag"),
    "secretsmanager": Errors("InvalidParameterException", "LimitExceededException", any_characters=True),
    "sns": Errors("InvalidParameter", "TagLimitExceeded", "InvalidParameter"),
    "sqs": Errors("InvalidParameterValue", "InvalidParameterValue"),
    "ssm": Errors("ValidationException", "TooManyTagsError", "ValidationException"),
}


@functools.cache
def members(service: str, operation: str) -> tuple[str, ...]:
    """The members of an operation's request that set tags; none for operations that read or remove."""
    from moto.core.utils import get_service_model

    if service not in SERVICES or operation.startswith(_READING):
        return ()
    try:
        shape = get_service_model(service).operation_model(operation).input_shape
    except OperationNotFoundError:
        return ()
    names = ("Tags", "tags", "TagSpecifications", "AddTags", "DistributionConfigWithTags")
    return tuple(name for name in names if shape and name in shape.members)


def groups(value: Any) -> list[list[tuple[str, str]]]:
    """Tags of any shape as lists of pairs: each list is what one resource gets."""
    if not value:
        return []
    if isinstance(value, dict):
        for key in ("Items", "Tags", "Tag"):
            if isinstance(value.get(key), (dict, list)):
                return groups(value[key])
        return [[(str(k), str(v or "")) for k, v in value.items() if not isinstance(v, (dict, list))]]
    if any("Tags" in each for each in value):
        return [found for each in value for found in groups(each.get("Tags"))]
    by_resource: dict[str, list[tuple[str, str]]] = {}
    for each in value:
        key = str(each.get("Key", each.get("TagKey", "")))
        text = str(each.get("Value", each.get("TagValue", "")) or "")
        by_resource.setdefault(str(each.get("ResourceId", "")), []).append((key, text))
    return list(by_resource.values())


def refusal(service: str, tags: list[tuple[str, str]]) -> tuple[str, str] | None:
    """Error code and message for the tags of one resource; None when the service takes them."""
    errors = SERVICES[service]
    for key, value in tags:
        if not 1 <= len(key) <= LONGEST_KEY:
            return errors.invalid, f"Tag key '{key}' must have a length between 1 and {LONGEST_KEY} characters."
        if len(value) > LONGEST_VALUE:
            return errors.invalid, f"The value of tag '{key}' must have at most {LONGEST_VALUE} characters."
        if key.lower().startswith("aws:"):
            code = "InvalidInput" if service == "iam" else errors.invalid
            return code, f"Tag key '{key}' is not valid: keys that begin with 'aws:' are reserved for system use."
        if not errors.any_characters and not (_CHARACTERS.match(key) and _CHARACTERS.match(value)):
            return errors.invalid, f"Tag '{key}' has characters other than letters, digits, spaces and _ . : / = + - @"
    if len(tags) > MOST:
        return errors.many, f"{len(tags)} tags were given; a resource has at most {MOST}."
    keys = [key.lower() if service == "iam" else key for key, _ in tags]
    if errors.twice and len(set(keys)) < len(keys):
        return errors.twice, "Duplicate tag keys found. Please note that Tag keys are case insensitive." if (
            service == "iam"
        ) else "A tag key was given more than once."
    return None
