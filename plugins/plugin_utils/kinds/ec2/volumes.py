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
#: What AWS takes of each type, least and most; a type that is not named has none of its own.
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html
SIZES = {
    "gp2": (1, 16384),
    "gp3": (1, 65536),
    "io1": (4, 16384),
    "io2": (4, 65536),
    "st1": (125, 16384),
    "sc1": (125, 16384),
    "standard": (1, 1024),
}
IOPS = {"gp3": (3000, 80000), "io1": (100, 64000), "io2": (100, 256000)}
#: I/O operations a second for each GiB, beyond what every gp3 volume has; and of a gp3 volume for each MiB a second.
#: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html, .../provisioned-iops.html
MOST_IOPS_A_GIB = {"gp3": 500, "io1": 50, "io2": 1000}
IOPS_A_MIB = 4
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
        yield from (f"{device}.{problem}" for problem in _wrong_for_type(volume))


def _wrong_for_type(volume: dict[str, t.Any]) -> t.Iterator[str]:
    """What the type of a volume does not take."""
    sort, size, iops, throughput = (volume[option] for option in ("type", "size", "iops", "throughput"))
    least, most = SIZES[sort]
    if not least <= size <= most:
        yield f"size: {size} GiB is out of range for {sort}; right is {least} to {most}"
    if sort not in IOPS and iops is not None:
        yield f"iops: {sort} takes none; right are {', '.join(IOPS)}"
    elif sort in IOPS and iops is not None:
        least, most = IOPS[sort]
        most = min(most, max(least, size * MOST_IOPS_A_GIB[sort]))
        if not least <= iops <= most:
            yield f"iops: {iops} is out of range for {sort} of {size} GiB; right is {least} to {most}"
    elif sort in ("io1", "io2"):
        yield f"iops: is required for {sort}"
    if throughput is not None and sort != "gp3":
        yield f"throughput: only gp3 takes it, not {sort}"
    elif throughput is not None and throughput * IOPS_A_MIB > (iops or GP3["iops"]):
        yield f"throughput: {throughput} MiB/s needs iops of {throughput * IOPS_A_MIB} at least"
