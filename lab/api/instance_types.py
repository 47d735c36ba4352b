"""Which instance types there are, where they are offered, and which images they start.

https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html; moto carries the list and the offerings.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS, INSTANCE_TYPES


def offered_in(region: str, instance_type: str) -> list[str]:
    """The availability zones of a region that offer an instance type."""
    offerings = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, [])
    return sorted(each["Location"] for each in offerings if each["InstanceType"] == instance_type)


def check(ec2: Any, instance_type: str, image_id: str | None, zones: set[str]) -> None:
    """Raise what RunInstances answers for a type that is unknown, not offered in one of ``zones`` or not the image's."""
    if instance_type not in INSTANCE_TYPES:
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{instance_type}' for InstanceType.")
    offered = offered_in(ec2.region_name, instance_type)
    for zone in sorted(zones):
        if offered and zone not in offered:
            message = (
                f"Your requested instance type ({instance_type}) is not supported in your requested Availability Zone"
                f" ({zone}). Please retry your request by not specifying an Availability Zone or choosing"
                f" {', '.join(offered)}."
            )
            raise EC2ClientError("Unsupported", message)
    image = ec2.amis.get(image_id)
    supported = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    if image is not None and image.architecture and image.architecture not in supported:
        message = (
            f"The architecture '{','.join(supported)}' of the specified instance type does not match the architecture"
            f" '{image.architecture}' of the specified AMI. Specify an instance type and an AMI that have matching"
            " architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the"
            " architecture of the instance type or AMI."
        )
        raise EC2ClientError("InvalidParameterValue", message)
