# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machine images and instance types: what fits together, told in three bulk calls.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
"""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from . import bulk

#: How many parameters GetParameters answers at once.
PARAMETERS_A_CALL = 10


def newest(cell: Cell, parameters: t.Iterable[str]) -> dict[str, str]:
    """What public parameters hold now; one that AWS does not know is left out."""
    names = sorted(set(parameters) - {""})
    batches = [names[start : start + PARAMETERS_A_CALL] for start in range(0, len(names), PARAMETERS_A_CALL)]
    answers = cell.map(lambda batch: cell.call("ssm", "get_parameters", Names=batch), batches)
    return {each["Name"]: each["Value"] for answer in answers for each in answer["Parameters"]}


def images(cell: Cell, idents: t.Iterable[str]) -> dict[str, dict[str, t.Any]]:
    """Images by id, deprecated ones too. By a filter, because DescribeImages fails where one of the ImageIds is gone."""
    found = bulk.filtered(cell, "describe_images", "Images", "image-id", idents, IncludeDeprecated=True)
    return {image["ImageId"]: image for image in found}


def instance_types(cell: Cell, names: t.Iterable[str]) -> dict[str, dict[str, t.Any]]:
    """Instance types of the region by name; one that does not exist is left out."""
    found = bulk.filtered(cell, "describe_instance_types", "InstanceTypes", "instance-type", names)
    return {each["InstanceType"]: each for each in found}


def zones_offering(cell: Cell, names: t.Iterable[str]) -> dict[str, set[str]]:
    """The zones each instance type is offered in."""
    operation, location = "describe_instance_type_offerings", "availability-zone"
    zones: dict[str, set[str]] = {}
    for each in bulk.filtered(cell, operation, "InstanceTypeOfferings", "instance-type", names, LocationType=location):
        zones.setdefault(each["InstanceType"], set()).add(each["Location"])
    return zones


def architecture_problem(image: dict[str, t.Any], kind: dict[str, t.Any]) -> str:
    """Why machines of the instance type could not run the image; empty where they could."""
    supported = kind.get("ProcessorInfo", {}).get("SupportedArchitectures") or []
    if not supported or image["Architecture"] in supported:
        return ""
    return f"is {image['Architecture']}, and {kind['InstanceType']} machines are {' or '.join(supported)}"


def root_problems(image: dict[str, t.Any], volumes: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """What is wrong with volumes, normalised, for machines of the image."""
    root = image.get("RootDeviceName", "")
    if root in volumes:
        yield f"{root}: is the root device of {image['ImageId']}; write root"
    if "root" not in volumes:
        return
    if image.get("RootDeviceType", "ebs") != "ebs":
        yield f"root: {image['ImageId']} has its root on the machine's own disk, not on a volume"
    mappings = image.get("BlockDeviceMappings") or []
    least = next((each["Ebs"].get("VolumeSize") or 0 for each in mappings if each["DeviceName"] == root), 0)
    if volumes["root"]["size"] < least:
        yield f"root.size: the image needs {least} GiB at least, not {volumes['root']['size']}"
