"""EC2: instance types that exist, are offered in the zone and fit the image."""

from __future__ import annotations

from typing import Any

from lab.api import instance_types
from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="launches types that do not exist, that a zone does not offer, and images of another architecture",
    aws="answers InvalidParameterValue, and Unsupported for the zone; a launch template is not looked at before it is used",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html",
)
def launches() -> None:
    from moto.ec2.models.instances import InstanceBackend
    from moto.ec2.responses.subnets import Subnets

    @wrap(Subnets, "create_subnet")
    def create_subnet(original: Any, self: Any) -> Any:
        # moto draws lots, also for zones that offer few types; which one it is, is for AWS to say.
        if not self._get_param("AvailabilityZone") and not self._get_param("AvailabilityZoneId"):
            self.params["AvailabilityZone"] = self.ec2_backend.describe_availability_zones()[0].name
        return original(self)

    @wrap(InstanceBackend, "run_instances")
    def run(original: Any, self: Any, image_id: Any, count: int, user_data: Any, groups: Any, **kwargs: Any) -> Any:
        data: dict[str, Any] = {}
        if kwargs.get("launch_template"):
            data = self._get_template_from_args(kwargs["launch_template"]).data
        wanted = kwargs.get("instance_type")
        if kwargs.get("is_instance_type_default"):
            wanted = data.get("InstanceType") or wanted
        nics = kwargs.get("nics") or data.get("NetworkInterfaces") or []
        subnet_id = kwargs.get("subnet_id") or next((each["SubnetId"] for each in nics if each.get("SubnetId")), None)
        placement = kwargs.get("placement") or (data.get("Placement") or {}).get("AvailabilityZone")
        zones = {self.get_subnet(subnet_id).availability_zone} if subnet_id else {placement} if placement else set()
        if kwargs.get("is_instance_type_default") and not data.get("InstanceType"):
            zones = set()  # moto's default is an old type that few zones offer
        if wanted:
            instance_types.check(self, wanted, image_id or data.get("ImageId"), zones)
        return original(self, image_id, count, user_data, groups, **kwargs)


@patch(
    moto="makes a group of a launch template whose type does not exist or does not start the image",
    aws="answers ValidationError, also when a group is given such a template; where a template changes later, the launch"
    " fails, which is a failed activity of the group",
    document="https://docs.aws.amazon.com/autoscaling/ec2/userguide/ts-as-launch-template.html",
)
def groups() -> None:
    from moto.autoscaling.exceptions import ValidationError
    from moto.autoscaling.responses import AutoScalingResponse
    from moto.ec2.exceptions import EC2ClientError

    for name in ("create_auto_scaling_group", "update_auto_scaling_group"):

        @wrap(AutoScalingResponse, name)
        def checked(original: Any, self: Any) -> Any:
            mixed = self.params.get("MixedInstancesPolicy") or {}
            given = mixed.get("LaunchTemplate") or {}
            named = self.params.get("LaunchTemplate") or given.get("LaunchTemplateSpecification")
            ec2 = self.autoscaling_backend.ec2_backend
            data = ec2._get_template_from_args(named).data if named else {}
            types = [each["InstanceType"] for each in given.get("Overrides") or [] if each.get("InstanceType")]
            for each in types or ([data["InstanceType"]] if data.get("InstanceType") else []):
                try:
                    instance_types.check(ec2, each, data.get("ImageId"), set())
                except EC2ClientError as error:
                    message = f"You must use a valid fully-formed launch template. {error.message}"
                    raise ValidationError(message) from None
            return original(self)
