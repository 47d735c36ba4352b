"""Every service: what a tag may be."""

from __future__ import annotations

from typing import Any

from lab.api import service_requests, tag_rules
from lab.api.patching import patch
from lab.api.wrapping import method, wrap


@patch(
    moto="takes tags of any length and number, keys that begin with aws: and keys given twice, but for some services",
    aws="refuses keys over 128 and values over 256 characters, keys that begin with aws:, more than 50 tags and, in most"
    " services, keys given twice; each with its own error",
    document="https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html",
)
def requests() -> None:
    from moto.core.responses import ActionResult, BaseResponse

    @wrap(BaseResponse, "call_action")
    def call(original: Any, self: Any) -> Any:
        operation = self._get_action() or ""
        names = tag_rules.members(self.boto3_service_name, operation)
        if not names:
            return original(self)
        params = service_requests.parsed(self, operation)
        for name in names:
            for tags in tag_rules.groups(params.get(name)):
                if found := tag_rules.refusal(self.boto3_service_name, tags):
                    return self.serialized(ActionResult(service_requests.error(type(self), *found)))
        return original(self)


@patch(
    moto="takes bucket tags of any length and number",
    aws="answers InvalidTag, and BadRequest to more than 50",
    document="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html",
)
def bucket_tags() -> None:
    from moto.s3.exceptions import S3ClientError
    from moto.s3.models import S3Backend

    @wrap(S3Backend, "put_bucket_tagging")
    def put(original: Any, self: Any, bucket_name: str, tags: dict[str, str]) -> None:
        filled = {key: value or "" for key, value in tags.items()}  # moto's XML has None for an empty value
        if found := tag_rules.refusal("s3", list(filled.items())):
            raise S3ClientError(*found)
        original(self, bucket_name, filled)


@patch(
    moto="keeps tags of roles, users and instance profiles whose keys differ in their case side by side",
    aws="takes such keys for one: the later tag replaces the earlier",
    document="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules_creating",
)
def iam_keys() -> None:
    from moto.iam.models import IAMBackend

    def without(tags: list[dict[str, str]], new: list[dict[str, str]]) -> list[dict[str, str]]:
        keys = {each["Key"].lower() for each in new}
        return [each for each in tags if each["Key"].lower() not in keys]

    @wrap(IAMBackend, "tag_role")
    def tag_role(original: Any, self: Any, role_name: str, tags: list[dict[str, str]]) -> None:
        original(self, role_name, tags)
        role = self.get_role(role_name)
        role.tags = [*without(role.tags, tags), *tags]

    @wrap(IAMBackend, "tag_instance_profile")
    def tag_profile(original: Any, self: Any, instance_profile_name: str, tags: list[dict[str, str]]) -> None:
        original(self, instance_profile_name, tags)
        profile = self.get_instance_profile(profile_name=instance_profile_name)
        profile.tags = [*without(profile.tags, tags), *tags]

    @wrap(IAMBackend, "tag_user")
    def tag_user(original: Any, self: Any, name: str, tags: list[dict[str, str]]) -> None:
        arn = self.get_user(name).arn
        keys = {each["Key"].lower() for each in tags}
        same = [key for key in self.tagger.get_tag_dict_for_resource(arn) if key.lower() in keys]
        self.tagger.untag_resource_using_names(arn, same)
        original(self, name, tags)


@patch(
    moto="gives load balancers at most ten tags, and any name",
    aws="at most fifty tags; a name has at most 32 letters, digits and hyphens, no hyphen at its ends, and does not begin"
    " with internal-",
    document="https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
)
def balancer_names() -> None:
    import re

    from moto.elbv2.exceptions import ELBClientError
    from moto.elbv2.models import ELBv2Backend

    @method(ELBv2Backend)
    def add_tags(self: Any, resource_arns: list[str], tags: list[dict[str, str]]) -> None:
        for arn in resource_arns:
            self._get_resource_by_arn(arn)
            keys = {*self.tagging_service.get_tag_dict_for_resource(arn), *(each["Key"] for each in tags)}
            if len(keys) > tag_rules.MOST:
                raise ELBClientError("TooManyTags", f"The resource '{arn}' would have more than {tag_rules.MOST} tags")
        for arn in resource_arns:
            self.tagging_service.tag_resource(arn, tags)

    @wrap(ELBv2Backend, "create_load_balancer")
    def create(original: Any, self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        wrong = ""
        if len(name) > 32:
            wrong = "cannot be longer than '32' characters"
        elif not re.fullmatch(r"[A-Za-z0-9-]+", name):
            wrong = "can only contain characters that are alphanumeric characters and hyphens(-)"
        elif name.startswith("-") or name.endswith("-"):
            wrong = "cannot begin or end with a hyphen(-)"
        elif name.startswith("internal-"):
            wrong = "cannot begin with 'internal-'"
        if wrong:
            raise ELBClientError("ValidationError", f"The load balancer name '{name}' {wrong}")
        return original(self, name, *args, **kwargs)
