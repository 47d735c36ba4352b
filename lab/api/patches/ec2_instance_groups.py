"""EC2: the security groups of a running instance are changed."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import wrap


@patch(
    moto="adds the new groups of an instance to those its network interface has",
    aws="gives the interface the new groups in place of the old ones",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html",
)
def changed_groups() -> None:
    from moto.ec2.models.instances import InstanceBackend

    @wrap(InstanceBackend, "modify_instance_security_groups")
    def modify(original: Any, self: Any, instance_id: str, new_group_id_list: list[str]) -> Any:
        instance = original(self, instance_id, new_group_id_list)
        for card in instance.nics.values():
            if str(card.device_index) == "0":
                card._group_set = list(instance.security_groups)
        return instance
