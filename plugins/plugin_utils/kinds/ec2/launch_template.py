# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launch templates, by their latest version.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html

A template remembers in a tag of its own which public SSM parameter its image came from, and which image that was. So a
newer image behind the parameter is no change by itself; it is one where the entry says ``image_follow``.
"""

from __future__ import annotations

import base64
import binascii
import re
import typing as t

from ...engine.cell import Cell
from ...engine.kind import KIND_TAG, MANAGED_TAGS, Kind, Resource
from . import bulk, fitting, images, taken, volumes

#: The tag that keeps the parameter an image was found by, and the image: ``/aws/service/…=ami-…``.
IMAGE_TAG = "terrace:image"
IMAGE = re.compile(r"^(ami-[0-9a-f]{8,17}|/[\w./-]+)$")
#: EC2 takes this much user data, before it is encoded.
MOST_USER_DATA = 16384


class LaunchTemplate(Kind):
    name = "launch_template"
    role = "tier"
    variable = "tier_launch_templates"
    resource_type = "ec2:launch-template"
    shapes: t.ClassVar[dict[str, str]] = {"volumes": "volume"}
    references: t.ClassVar[dict[str, str]] = {
        "security_groups": "security_group",
        "profile": "iam_role",
        "volumes.kms_key": "kms_key",
        "key_pair": "key_pair",
    }
    longest_name = 128

    def read(self, cell: Cell) -> dict[str, Resource]:
        templates = cell.ec2("describe_launch_templates", "LaunchTemplates")
        found = list(cell.owned(self.name, templates, lambda x: x.get("Tags"), lambda x: x["LaunchTemplateId"]))
        if not found:
            return {}
        # One call for all templates of the region; it knows no filter by tag.
        versions = cell.pages(
            "ec2", "describe_launch_template_versions", "LaunchTemplateVersions", Versions=["$Latest"]
        )
        latest = {version["LaunchTemplateId"]: version for version in versions}
        # Those of the cell's other sort of template too, so that both are told by one call.
        used = (latest.get(template["LaunchTemplateId"], {}) for template in templates)
        known = images.images(cell, ((each.get("LaunchTemplateData") or {}).get("ImageId", "") for each in used))
        newest = images.newest(cell, (_origin(tags)[0] for _name, _template, tags in found))
        return {
            name: self._resource(cell, template, latest.get(template["LaunchTemplateId"], {}), tags, newest, known)
            for name, template, tags in found
        }

    def _resource(
        self,
        cell: Cell,
        template: dict[str, t.Any],
        version: dict[str, t.Any],
        tags: dict[str, str],
        newest: dict[str, str],
        known: dict[str, dict[str, t.Any]],
    ) -> Resource:
        data = version.get("LaunchTemplateData") or {}
        image = data.get("ImageId", "")
        root = known.get(image, {}).get("RootDeviceName", "")
        parameter, recorded = _origin(tags)
        own = {key: value for key, value in tags.items() if key != IMAGE_TAG}
        interface = next(iter(data.get("NetworkInterfaces") or []), {})
        groups = interface.get("Groups") or data.get("SecurityGroupIds") or []
        metadata = data.get("MetadataOptions") or {}
        return Resource(
            id=template["LaunchTemplateId"],
            attributes={
                "image": parameter if recorded == image else image,
                "image_follow": newest.get(parameter) == image,
                "instance_type": data.get("InstanceType"),
                "spot": (data.get("InstanceMarketOptions") or {}).get("MarketType") == "spot",
                "cpu_credits": (data.get("CreditSpecification") or {}).get("CpuCredits"),
                "key_pair": cell.name_of(self.references["key_pair"], data.get("KeyName")),
                "security_groups": cell.names_of(self.references["security_groups"], groups),
                "public_address": interface.get("AssociatePublicIpAddress"),
                "profile": _profile(cell, data.get("IamInstanceProfile") or {}, self.references["profile"]),
                "user_data": _decoded(data.get("UserData", "")),
                "volumes": volumes.read(
                    data.get("BlockDeviceMappings") or [],
                    lambda key: cell.name_of(self.references["volumes.kms_key"], key),
                    root,
                ),
                "metadata_tokens": metadata.get("HttpTokens", "optional"),
                "metadata_hops": metadata.get("HttpPutResponseHopLimit", 1),
                "metadata_tags": metadata.get("InstanceMetadataTags") == "enabled",
                "monitoring": bool((data.get("Monitoring") or {}).get("Enabled")),
                "volume_tags": own if _foreign(data) else _launch_tags(data, "volume"),
            },
            facts={
                "name": template["LaunchTemplateName"],
                "image_id": image,
                "root_device": root,
                "newest_image_id": newest.get(parameter, image),
                "latest_version": template["LatestVersionNumber"],
                "default_version": template["DefaultVersionNumber"],
            },
            tags=own,
        )

    def normalise(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        return {
            **entry,
            "image_follow": True if entry["image_follow"] and entry["image"].startswith("/") else None,
            "key_pair": entry["key_pair"] or "",
            "profile": entry["profile"] or "",
            "volumes": volumes.normalised(entry["volumes"]),
            "volume_tags": {k: str(v) for k, v in (entry.get("tags") or {}).items() if k not in MANAGED_TAGS},
        }

    def names_in(self, option: str, entry: dict[str, t.Any]) -> list[str]:
        if option == "volumes.kms_key":
            return volumes.keys(entry.get("volumes") or {})
        return super().names_in(option, entry)

    def check(self, name: str, entry: dict[str, t.Any], world: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        if not IMAGE.match(entry["image"]):
            yield f"image: an id (ami-…) or a public SSM parameter (/aws/service/…), not {entry['image']}"
        size = len(entry["user_data"].encode())
        if size > MOST_USER_DATA:
            yield f"user_data: EC2 takes {MOST_USER_DATA} bytes, it has {size}"
        yield from (f"volumes.{problem}" for problem in volumes.wrong(entry["volumes"]))

    def precreate_errors(self, cell: Cell, entries: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
        wanted = taken.aws_names(cell, entries)
        found = bulk.filtered(cell, "describe_launch_templates", "LaunchTemplates", "launch-template-name", wanted)
        yield from taken.names(cell, self.name, entries, found, "LaunchTemplateName", "LaunchTemplateId")

    def prechange_errors(
        self,
        cell: Cell,
        entries: dict[str, dict[str, t.Any]],
        world: dict[str, dict[str, dict[str, t.Any]]] | None = None,
    ) -> t.Iterator[str]:
        """Images and instance types that do not exist or do not fit together, and zones a type is not offered in."""
        yield from fitting.template_problems(cell, self, entries, world or {})


def _origin(tags: dict[str, str]) -> tuple[str, str]:
    """The parameter a template's image came from and that image, as its tag says."""
    parameter, _sign, image = tags.get(IMAGE_TAG, "").partition("=")
    return parameter, image


def _profile(cell: Cell, profile: dict[str, str], kind: str) -> str:
    """The role behind an instance profile: the one that has it, whatever it is called."""
    name = profile.get("Name") or profile.get("Arn", "").rsplit("/", 1)[-1]
    roles = cell.observed(kind).items() if name else ()
    holders = (role for role, each in roles if each.facts.get("instance_profile_arn", "").rsplit("/", 1)[-1] == name)
    return next(holders, None) or cell.name_of(kind, name)


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return data


def _foreign(data: dict[str, t.Any]) -> bool:
    """Whether Terrace never wrote this version: it says nothing of tags at launch, and is written with them when it changes."""
    specs = data.get("TagSpecifications") or []
    return not any(tag["Key"] == KIND_TAG for spec in specs for tag in spec["Tags"])


def _launch_tags(data: dict[str, t.Any], sort: str) -> dict[str, str]:
    """The inventory's tags that volumes get when a machine starts."""
    return {
        tag["Key"]: tag["Value"]
        for spec in data.get("TagSpecifications") or []
        if spec["ResourceType"] == sort
        for tag in spec["Tags"]
        if tag["Key"] not in MANAGED_TAGS
    }
