"""The images the lab offers: Debian's own, as Debian publishes them on AWS."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import stable_hex, wrap

DEBIAN_OWNER = "136693071363"
NAME = "debian-13-amd64-20250814-2204"
ROOT = "/dev/xvda"
PARAMETER = "/aws/service/debian/release/13/latest/amd64"


def debian_image_id(region: str) -> str:
    """Return the id of the Debian 13 image in a region (ids differ by region on AWS, too)."""
    return f"ami-{stable_hex(f'debian-13-amd64 {region}')}"


@patch(
    moto="offers 1,300 images a region, or none with MOTO_EC2_LOAD_DEFAULT_AMIS=false; Debian's are not among them",
    aws="Debian's account 136693071363 owns a public Debian 13 image in every region, root volume /dev/xvda of 8 GiB",
    document="https://wiki.debian.org/Cloud/AmazonEC2Image/Trixie",
)
def debian_image() -> None:
    from moto.ec2.models.amis import Ami, AmiBackend

    class DebianImage(Ami):
        """The one image; smaller than moto's default."""

        @property
        def block_device_mappings(self) -> list[dict[str, Any]]:
            ebs = {"SnapshotId": self.ebs_snapshot.id, "VolumeSize": 8, "VolumeType": "gp3"}
            return [{"DeviceName": ROOT, "Ebs": {**ebs, "DeleteOnTermination": True, "Encrypted": False}}]

    @wrap(AmiBackend, "_load_amis")
    def load(original: Any, self: Any) -> None:
        original(self)
        image_id = debian_image_id(self.region_name)
        self.amis[image_id] = DebianImage(
            self,
            image_id,
            name=NAME,
            description="Debian 13 (20250814-2204)",
            owner_id=DEBIAN_OWNER,
            public=True,
            virtualization_type="hvm",
            architecture="x86_64",
            image_location=f"{DEBIAN_OWNER}/{NAME}",
            hypervisor="xen",
            root_device_type="ebs",
            root_device_name=ROOT,
            region_name=f"{self.region_name}a",
            boot_mode="uefi-preferred",
        )


@patch(
    moto="knows the public parameters of Amazon Linux and ECS only",
    aws="every region has /aws/service/debian/release/13/latest/amd64 with the id of the current image",
    document="https://wiki.debian.org/Cloud/AmazonEC2Image/Trixie",
)
def debian_parameter() -> None:
    from moto.ssm.models import Parameter, ParameterDict

    @wrap(ParameterDict, "_check_loading_status")
    def check(original: Any, self: Any, key: str) -> None:
        original(self, key)
        if str(key or "").startswith("/aws/service/debian") and PARAMETER not in self.keys():
            dict.__setitem__(
                self,
                PARAMETER,
                [
                    Parameter(
                        account_id=self.account_id,
                        name=PARAMETER,
                        value=debian_image_id(self.region_name),
                        parameter_type="String",
                        description=None,
                        allowed_pattern=None,
                        keyid=None,
                        last_modified_date=1755209040.0,
                        version=1,
                        data_type="aws:ec2:image",
                    )
                ],
            )


@patch(
    moto="forgets architecture, root device, volumes and virtualization type of an image that is registered",
    aws="keeps them: an image of arm64 is one, and its root volume is where it says",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html",
)
def registered_images() -> None:
    from moto.ec2.models.amis import Ami
    from moto.ec2.responses.amis import AmisResponse

    made_up = Ami.block_device_mappings.fget  # type: ignore[attr-defined]
    Ami.block_device_mappings = property(  # type: ignore[assignment,method-assign]
        lambda self: self.__dict__.get("lab_mappings") or made_up(self)
    )

    @wrap(AmisResponse, "register_image")
    def register(original: Any, self: Any) -> Any:
        answer = original(self)
        image, params = self.ec2_backend.amis[answer.result["ImageId"]], self.params
        image.architecture = params.get("Architecture") or "x86_64"
        image.root_device_name = params.get("RootDeviceName") or image.root_device_name or "/dev/sda1"
        image.root_device_type = image.root_device_type or "ebs"
        image.virtualization_type = params.get("VirtualizationType") or "hvm"
        image.owner_id = self.ec2_backend.account_id
        if mappings := [each for each in params.get("BlockDeviceMappings") or [] if each.get("Ebs")]:
            root = image.root_device_name
            image.root_device_type = "ebs"
            image.lab_mappings = sorted(mappings, key=lambda each: each["DeviceName"] != root)
        return answer
