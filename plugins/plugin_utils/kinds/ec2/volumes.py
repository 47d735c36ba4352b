# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of machines: ``{device: {size, type, encrypted, kms_key, delete_on_termination, iops, throughput}}``.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html
"""

from __future__ import annotations

import typing as t

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
    """Volumes as AWS is read: what is not said left out, what AWS gives by itself filled in."""
    made = {}
    for device, volume in volumes.items():
        one = {option: value for option, value in volume.items() if value is not None}
        made[device] = {**GP3, **one} if one.get("type") == "gp3" else one
    return made


def read(mappings: list[dict[str, t.Any]], key_name: t.Callable[[str], str]) -> dict[str, dict[str, t.Any]]:
    """Volumes from AWS's mappings; ``key_name`` gives the logical name behind a key's id."""
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
    return normalised(found)


def keys(volumes: dict[str, dict[str, t.Any]]) -> list[str]:
    """The KMS keys volumes name."""
    return list(dict.fromkeys(volume["kms_key"] for volume in volumes.values() if volume.get("kms_key")))


def wrong(volumes: dict[str, dict[str, t.Any]]) -> t.Iterator[str]:
    """What is wrong with volumes beyond types, each beginning with the device."""
    for device, volume in volumes.items():
        if not device.startswith("/dev/"):
            yield f"{device}: a volume is keyed by its device, for example /dev/xvda"
        if volume["kms_key"] and not volume["encrypted"]:
            yield f"{device}.kms_key: needs encrypted: true"
