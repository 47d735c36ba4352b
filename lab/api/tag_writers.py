"""TagResources and UntagResources: tags by ARN, service by service, for what moto's tagging API does not tag.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.exceptions import ServiceException, _RESTError
from moto.core.resource_tagging import iter_taggable_backends

from . import tagged

NAMED = {"elasticloadbalancing": "elbv2"}


def each(tagging: Any, arns: list[str], write: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Call ``write`` with every ARN and return FailedResourcesMap: why it could not be done, by ARN."""
    known = {resource.arn for resource in tagged.everything(tagging.account_id, tagging.region_name)}
    failed: dict[str, dict[str, Any]] = {}
    for arn in arns:
        # Groups, users and roles can be tagged by ARN and are not listed; their services know whether they exist.
        listed = arn in known or ":autoscaling:" in arn or ":iam:" in arn
        try:
            if not listed:
                raise LookupError(f"The resource {arn} does not exist.")
            write(arn)
        except (LookupError, NotImplementedError, ServiceException, _RESTError) as error:
            message = str(getattr(error, "message", "")) or str(error) or "The resource cannot be tagged."
            failed[arn] = {"StatusCode": 400, "ErrorCode": "InvalidParameterException", "ErrorMessage": message}
    return failed


def _backend(tagging: Any, arn: str) -> Any:
    service = arn.split(":")[2]
    for backend in iter_taggable_backends(tagging.account_id, tagging.region_name):
        if backend.owns_arn(arn) and service not in NAMED:  # the classic balancers' service has the same name
            return backend
    name = NAMED.get(service, service)
    found = tagged.backend_of(name, tagging.account_id, tagging.region_name)
    if found is None:
        raise LookupError(f"The resource {arn} does not exist.")
    return found


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag(tagging: Any, arn: str, tags: dict[str, str]) -> None:
    """Set tags of one resource; LookupError or the service's own error when that cannot be done."""
    backend, service, name = _backend(tagging, arn), arn.split(":")[2], arn.rsplit("/", 1)[-1]
    if service == "elasticloadbalancing":
        backend.add_tags([arn], _pairs(tags))
    elif service == "sqs":
        backend.tag_queue(arn.rsplit(":", 1)[-1], tags)
    elif service == "ssm":
        backend.add_tags_to_resource(*_ssm(backend, arn), tags)
    elif service == "route53":
        backend.change_tags_for_resource(arn.split(":")[5].split("/")[0], name, _pairs(tags), [])
    elif service == "ecr":
        backend.tag_resource(arn, _pairs(tags))
    elif service == "iam":
        sort, target = _iam(arn)
        getattr(backend, f"tag_{sort}")(target, _pairs(tags))
    else:
        backend.tag_resource(arn, tags)


def untag(tagging: Any, arn: str, keys: list[str]) -> None:
    """Remove tags of one resource, see :func:`tag`."""
    backend, service, name = _backend(tagging, arn), arn.split(":")[2], arn.rsplit("/", 1)[-1]
    if service == "elasticloadbalancing":
        backend.remove_tags([arn], keys)
    elif service == "sqs":
        backend.untag_queue(arn.rsplit(":", 1)[-1], keys)
    elif service == "ssm":
        backend.remove_tags_from_resource(*_ssm(backend, arn), keys)
    elif service == "route53":
        backend.change_tags_for_resource(arn.split(":")[5].split("/")[0], name, [], keys)
    elif service == "iam":
        sort, target = _iam(arn)
        getattr(backend, f"untag_{sort}")(target, keys)
    else:
        backend.untag_resource(arn, keys)


def _ssm(backend: Any, arn: str) -> tuple[str, str]:
    """Type and id of a resource of Systems Manager; a parameter's ARN has lost the first slash of its name."""
    sort, _, name = arn.split(":", 5)[5].partition("/")
    if sort == "parameter":
        return "Parameter", name if name in backend._parameters else f"/{name}"
    return sort.capitalize(), name


def _iam(arn: str) -> tuple[str, str]:
    """The word in the name of moto's operation and what that operation is given."""
    sort, _, path = arn.split(":", 5)[5].partition("/")
    name = path.rsplit("/", 1)[-1]
    words = {"instance-profile": ("instance_profile", name), "policy": ("policy", arn), "role": ("role", name)}
    words |= {"oidc-provider": ("open_id_connect_provider", arn), "user": ("user", name)}
    if sort not in words:
        raise LookupError(f"The resource {arn} cannot be tagged.")
    return words[sort]
