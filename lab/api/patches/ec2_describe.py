"""EC2: reading in pages, and fast enough for large accounts."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="ignores MaxResults and NextToken in most describe calls; launch templates are cut off after 15",
    aws="returns at most MaxResults entries (200 launch templates unless asked otherwise) and a token for the next page",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination",
)
def pages() -> None:
    from moto.core.responses import ActionResult
    from moto.core.utils import get_pagination_model
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.responses import EC2Response
    from moto.ec2.responses.launch_templates import LaunchTemplates

    model = get_pagination_model("ec2")
    defaults = {"DescribeLaunchTemplates": 200, "DescribeLaunchTemplateVersions": 200}

    for name in ("describe_launch_templates", "describe_launch_template_versions"):

        @wrap(LaunchTemplates, name)
        def everything(original: Any, self: Any) -> Any:
            asked = self.params.get("MaxResults")
            self.params["MaxResults"] = 1_000_000
            try:
                return original(self)
            finally:
                self.params["MaxResults"] = asked

    @wrap(EC2Response, "serialized")
    def serialized(original: Any, self: Any, result: Any) -> Any:
        operation = self._get_action()
        config = model.get(operation)
        content = getattr(result, "result", None)
        if config and isinstance(content, dict) and isinstance(content.get(config["result_key"]), (list, tuple)):
            size = self._get_param("MaxResults") or defaults.get(operation)
            token = self._get_param("NextToken")
            if (size or token) and not content.get("NextToken"):
                result = ActionResult(_page(content, config["result_key"], int(size or 1000), token))
        return original(self, result)

    def _page(content: dict[str, Any], key: str, size: int, token: str | None) -> dict[str, Any]:
        try:
            start = int(base64.b64decode(token)) if token else 0
        except (ValueError, binascii.Error):
            raise EC2ClientError("InvalidNextToken", "The token is invalid.") from None
        entries = list(content[key])
        end = start + size
        following = base64.b64encode(str(end).encode()).decode() if end < len(entries) else None
        return {**content, key: entries[start:end], "NextToken": following}


@patch(
    moto="looks through every tag of the region for the tags of each resource it describes: 1,000 resources take"
    " 1,000 times a thousand look-ups",
    aws="answers describe calls in a time that grows with the number of resources",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html",
    speed=True,
)
def fast_tags() -> None:
    from moto.ec2.models.core import TaggedEC2Resource
    from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

    def get_tags(self: Any) -> list[dict[str, str]]:
        kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(self.id), "") if self.id else ""
        tags = self.ec2_backend.tags.get(self.id, {}) if self.id else {}
        return [{"resource_id": self.id, "key": k, "value": v, "resource_type": kind} for k, v in list(tags.items())]

    TaggedEC2Resource.get_tags = get_tags  # type: ignore[method-assign]


@patch(
    moto="answers a tag filter only for the first of several values, and for a resource with one tag of that name",
    aws="a filter with several values matches when any of them does, with * and ? as wildcards",
    document="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html",
)
def list_filters() -> None:
    import fnmatch

    from moto.ec2 import utils

    @wrap(utils, "is_filter_matching")
    def matching(original: Any, obj: Any, name: str, wanted: Any) -> bool:
        value = obj.get_filter_value(name)
        if isinstance(value, (list, tuple, set)) and isinstance(wanted, list):
            return any(fnmatch.fnmatch(str(v), pattern) for v in value for pattern in wanted)
        if value is None and name.startswith("tag:"):
            return False
        return bool(original(obj, name, wanted))
