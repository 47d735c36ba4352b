# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volumes of machines: ``{device: {size, type, encrypted, kms_key, delete_on_termination, iops, throughput}}``.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EbsBlockDevice.html
"""

from __future__ import annotations

import typing as t

#: What a volume is where nothing else is said; iops and throughput are what AWS gives every gp3 volume.
DEFAULTS = {"type": "gp3", "encrypted": True, "delete_on_termination": True}
GP3 = {"iops": 3000, "throughput": 125}
TYPES = ("gp3", "gp2", "io1", "io2", "st1", "sc1", "standard")
OPTIONS = {
    "size": int,
    "type": str,
    "encrypted": bool,
    "kms_key": str,
    "delete_on_termination": bool,
    "iops": int,
    "throughput": int,
}
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


def filled(volumes: dict[str, dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """Volumes with defaults."""
    made = {}
    for device, volume in volumes.items():
        one = {**DEFAULTS, **{option: value for option, value in volume.items() if value is not None}}
        made[str(device)] = {**GP3, **one} if one["type"] == "gp3" else one
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
    return filled(found)


def keys(volumes: dict[str, t.Any]) -> list[str]:
    """The KMS keys volumes name."""
    named = [volume.get("kms_key") for volume in volumes.values() if isinstance(volume, dict)]
    return list(dict.fromkeys(str(name) for name in named if name))


def misfits(volumes: dict[str, t.Any]) -> t.Iterator[str]:
    """What is wrong with volumes, each beginning with the device."""
    for device, volume in volumes.items():
        if not str(device).startswith("/dev/"):
            yield f"{device}: a volume is keyed by its device, for example /dev/xvda"
        if not isinstance(volume, dict):
            yield f"{device}: must be a dict of options, not {type(volume).__name__}"
            continue
        yield from (f"{device}{problem}" for problem in _misfits(volume))


def _misfits(volume: dict[str, t.Any]) -> t.Iterator[str]:
    for option, value in volume.items():
        if option not in OPTIONS:
            yield f": there is no option {option}; known: {', '.join(OPTIONS)}"
        elif value is not None and not _is(value, OPTIONS[option]):
            yield f".{option}: must be {OPTIONS[option].__name__}, not {value}"
    if volume.get("size") is None:
        yield ".size: is required, in GiB"
    if volume.get("type", "gp3") not in TYPES:
        yield f".type: must be one of {', '.join(TYPES)}, not {volume['type']}"
    if volume.get("kms_key") and volume.get("encrypted") is False:
        yield ".kms_key: needs encrypted: true"


def _is(value: t.Any, wanted: type) -> bool:
    """Whether a value is of a type; what YAML gives may be of a class of Ansible's under it, and a bool is an int."""
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
