# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of machines: ``{device: {size, type, encrypted, kms_key, delete_on_termination, iops, throughput}}``.

The root volume is called ``root``, for its device differs by image: a mapping of another device would be an empty disk beside
the image's own root volume.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html
"""

from __future__ import annotations

import typing as t

ROOT = "root"
#: Devices that AWS reserves for the root volume, whichever of them an image has.
#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html
RESERVED = ("/dev/xvda", "/dev/sda1")
#: What AWS gives every gp3 volume where nothing else is said.
GP3 = {"iops": 3000, "throughput": 125}
#: Option -> AWS's key.
KEYS = {
    "size": "VolumeSize",
    "type": "VolumeType",
    "encrypted": "Encrypted",
    "kms_key": "KmsKeyId",
    "delete_on_termination": "DeleteOnTermination",
    "iops": "Iops",
    "throughput": "Throughput",
}


def normalised(volumes: dict[str, dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """Volumes as AWS is read: what is not said left out, what AWS gives by itself filled in, the root by its name."""
    made = {}
    for device, volume in volumes.items():
        one = {option: value for option, value in volume.items() if value is not None}
        made[ROOT if device in RESERVED else device] = {**GP3, **one} if one.get("type") == "gp3" else one
    return made


def read(
    mappings: list[dict[str, t.Any]], key_name: t.Callable[[str], str], root: str = ""
) -> dict[str, dict[str, t.Any]]:
    """Volumes from AWS's mappings.

    :param key_name: gives the logical name behind a key's id
    :param root: the image's root device; empty where the image is gone
    """
    found = {}
    for mapping in mappings:
        ebs = mapping.get("Ebs")
        if not ebs:
            continue
        one = {option: ebs[key] for option, key in KEYS.items() if ebs.get(key) is not None}
        one.setdefault("encrypted", False)
        if "kms_key" in one:
            one["kms_key"] = key_name(one["kms_key"].rsplit("/", 1)[-1])
        found[mapping["DeviceName"]] = one
    volumes = {}
    for device, one in found.items():
        # A reserved device that is not the image's root is an empty disk: it keeps its name, and so differs.
        is_root = device == root or (not root and device in RESERVED)
        volumes |= {ROOT if is_root else device: next(iter(normalised({ROOT: one}).values()))}
    return volumes


def keys(volumes: dict[str, dict[str, t.Any]]) -> list[str]:
    """The KMS keys volumes name."""
    return list(dict.fromkeys(volume["kms_key"] for volume in volumes.values() if volume.get("kms_key")))


def wrong(volumes: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """What is wrong with volumes beyond types, each beginning with the device."""
    roots = [device for device in volumes if device in (ROOT, *RESERVED)]
    if len(roots) > 1:
        yield f"{' and '.join(roots)} are the same volume; write root"
    for device, volume in volumes.items():
        if device != ROOT and not device.startswith("/dev/"):
            yield f"{device}: a volume is keyed by root or by its device, for example /dev/sdf"
        if volume["kms_key"] and not volume["encrypted"]:
            yield f"{device}.kms_key: needs encrypted: true"
