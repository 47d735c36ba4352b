"""EC2: launch templates, and instances as their templates describe them."""

from __future__ import annotations

import copy
from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap

TEMPLATE = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/"


@patch(
    moto="adds the template's own tags to the launch data's TagSpecifications",
    aws="keeps the tags of the template apart from those it gives to what it launches",
    document=TEMPLATE + "API_CreateLaunchTemplate.html",
)
def launch_template_tags() -> None:
    from moto.ec2.models.launch_templates import LaunchTemplateBackend

    @wrap(LaunchTemplateBackend, "create_launch_template")
    def create(original: Any, self: Any, name: Any, description: Any, template_data: Any, tag_spec: Any) -> Any:
        kept = [s for s in template_data.get("TagSpecifications", []) if s["ResourceType"] != "launch-template"]
        template_data.pop("TagSpecifications", None)
        if kept:
            template_data["TagSpecifications"] = kept
        if template_data.get("UserData", "") is None:
            del template_data["UserData"]
        return original(self, name, description, template_data, tag_spec)


@patch(
    moto="remembers a template's tags from its creation: CreateTags on it does not show",
    aws="DescribeLaunchTemplates shows the present tags",
    document=TEMPLATE + "API_LaunchTemplate.html",
)
def launch_template_retagging() -> None:
    from moto.ec2.models.launch_templates import LaunchTemplate

    LaunchTemplate.tags = property(  # type: ignore[assignment,method-assign]
        lambda self: self.get_tags(), lambda _self, _value: None
    )


@patch(
    moto="cannot launch from a template version whose user data came with CreateLaunchTemplateVersion (an assertion"
    " fails), and ignores SourceVersion",
    aws="a new version takes user data like the first, and inherits what it does not name from SourceVersion",
    document=TEMPLATE + "API_CreateLaunchTemplateVersion.html",
)
def launch_template_versions() -> None:
    from moto.ec2.responses.launch_templates import LaunchTemplates
    from moto.ec2.utils import parse_user_data

    @wrap(LaunchTemplates, "create_launch_template_version")
    def create(original: Any, self: Any) -> Any:
        data = self.params.get("LaunchTemplateData") or {}
        if source := self._get_param("SourceVersion"):
            name, template_id = self._get_param("LaunchTemplateName"), self._get_param("LaunchTemplateId")
            backend = self.ec2_backend
            template = (
                backend.get_launch_template(template_id) if template_id else backend.get_launch_template_by_name(name)
            )
            data = {**copy.deepcopy(template.get_version(source).data), **data}
        if data.get("UserData") is not None:
            data["UserData"] = parse_user_data(data["UserData"])
        self.params["LaunchTemplateData"] = data
        return original(self)


@patch(
    moto="gives instances of a template neither the groups and public address of its network interface, nor its"
    " instance profile, metadata options, placement or volume tags; its root volume comes on top of a default one",
    aws="launches the instance as the template says; the root mapping changes the image's root volume, which goes with"
    " the instance unless told otherwise",
    document=TEMPLATE + "API_RequestLaunchTemplateData.html",
)
def launch_template_data() -> None:
    from moto.ec2.models.instances import InstanceBackend
    from moto.ec2.utils import convert_tag_spec

    @wrap(InstanceBackend, "run_instances")
    def run(original: Any, self: Any, image_id: Any, count: int, user_data: Any, groups: Any, **kwargs: Any) -> Any:
        data: dict[str, Any] = {}
        if kwargs.get("launch_template"):
            data = self._get_template_from_args(kwargs["launch_template"]).data
            image_id = image_id or data.get("ImageId")
        groups = list(groups or [])
        nic = next((n for n in data.get("NetworkInterfaces", []) if int(n.get("DeviceIndex", 0)) == 0), {})
        if not kwargs.get("nics"):
            wanted = kwargs.get("security_group_ids") or data.get("SecurityGroupIds") or nic.get("Groups") or []
            if not groups or wanted:
                kwargs["security_group_ids"] = list(wanted)
            kwargs["subnet_id"] = kwargs.get("subnet_id") or nic.get("SubnetId")
            if nic.get("AssociatePublicIpAddress") is not None and kwargs.get("associate_public_ip") is None:
                kwargs["associate_public_ip"] = nic["AssociatePublicIpAddress"]
            if kwargs.get("associate_public_ip") is False and nic.get("AssociatePublicIpAddress") is None:
                kwargs["associate_public_ip"] = None  # moto's "not said", so that the subnet decides
        kwargs["metadata_options"] = kwargs.get("metadata_options") or data.get("MetadataOptions") or {}
        if (data.get("Monitoring") or {}).get("Enabled"):
            kwargs["monitoring_state"] = "enabled"
        tags = convert_tag_spec(data.get("TagSpecifications", []))
        given = kwargs.get("tags") or {}
        kinds = {*tags, *given}
        kwargs["tags"] = {kind: {**tags.get(kind, {}), **given.get(kind, {})} for kind in kinds}
        kwargs["block_device_mappings"] = _block_devices(self, image_id, kwargs, data)
        reservation = original(self, image_id, count, user_data, groups, **kwargs)
        profile = data.get("IamInstanceProfile") or {}
        for instance in reservation.instances:
            instance.lab_created_by_template = bool(data)
            if (data.get("InstanceMarketOptions") or {}).get("MarketType") == "spot":
                instance.lifecycle = "spot"
            for number, interface in instance.nics.items():
                if number == 0:
                    interface.delete_on_termination = True
                interface.add_tags(kwargs["tags"].get("network-interface", {}) if data else {})
            if profile and not (kwargs.get("iam_instance_profile_name") or kwargs.get("iam_instance_profile_arn")):
                self.associate_iam_instance_profile(
                    instance_id=instance.id,
                    iam_instance_profile_name=profile.get("Name"),
                    iam_instance_profile_arn=profile.get("Arn"),
                )
        return reservation


def _block_devices(backend: Any, image_id: str, kwargs: dict[str, Any], data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the mappings of an instance: the image's root volume, changed by what request or template say."""
    image = backend.amis.get(image_id)
    root = image.root_device_name if image else "/dev/sda1"
    ebs = dict(image.block_device_mappings[0]["Ebs"]) if image else {"VolumeSize": 8, "VolumeType": "gp2"}
    ebs["DeleteOnTermination"] = True
    mappings = {root: ebs}
    for mapping in kwargs.get("block_device_mappings") or data.get("BlockDeviceMappings") or []:
        if "NoDevice" in mapping or "Ebs" not in mapping:
            continue
        name = mapping["DeviceName"]
        mappings[name] = {**mappings.get(name, {}), **{k: v for k, v in mapping["Ebs"].items() if v is not None}}
    for item in mappings.values():
        item.setdefault("VolumeSize", 8)
    return [{"DeviceName": name, "Ebs": item} for name, item in mappings.items()]


@patch(
    moto="puts the tags of a network interface and the interface itself nowhere else: after termination the interface"
    " remains and its address stays taken",
    aws="deletes the primary interface with its instance, and the address is free again",
    document="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html",
)
def terminated_interfaces() -> None:
    from moto.ec2.models.instances import Instance

    @wrap(Instance, "terminate")
    def terminate(original: Any, self: Any) -> Any:
        interfaces = [nic for number, nic in self.nics.items() if number == 0]
        result = original(self)
        for interface in interfaces:
            if self.ec2_backend.enis.pop(interface.id, None) and interface.subnet:
                interface.subnet.del_subnet_ip(interface.private_ip_address)
        return result


@patch(
    moto="protects a spot instance from termination",
    aws="refuses that (the error code here is a guess; AWS documents the refusal, not its code)",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html",
)
def spot_protection() -> None:
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models.instances import InstanceBackend

    @wrap(InstanceBackend, "modify_instance_attribute")
    def modify(original: Any, self: Any, instance_id: str, key: str, value: Any) -> Any:
        protects = key == "disable_api_termination" and str(value).lower() == "true"
        if protects and self.get_instance(instance_id).lifecycle == "spot":
            message = "You cannot enable termination protection for Spot Instances."
            raise EC2ClientError("UnsupportedOperation", message)
        return original(self, instance_id, key, value)


@patch(
    moto="launches once more when RunInstances is asked again with the same client token",
    aws="answers with what the first request launched; likewise for the other creations that take a token",
    document="https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html",
)
def client_tokens() -> None:
    from moto.ec2.responses.flow_logs import FlowLogs
    from moto.ec2.responses.instances import InstanceResponse
    from moto.ec2.responses.launch_templates import LaunchTemplates
    from moto.ec2.responses.nat_gateways import NatGateways
    from moto.ec2.responses.vpcs import VPCs

    from lab.api.wrapping import idempotent

    idempotent(InstanceResponse, "run_instances", "ec2_backend")
    idempotent(NatGateways, "create_nat_gateway", "ec2_backend")
    idempotent(VPCs, "create_vpc_endpoint", "ec2_backend")
    idempotent(LaunchTemplates, "create_launch_template", "ec2_backend")
    idempotent(LaunchTemplates, "create_launch_template_version", "ec2_backend")
    idempotent(FlowLogs, "create_flow_logs", "ec2_backend")
