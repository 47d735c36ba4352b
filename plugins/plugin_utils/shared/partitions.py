# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of AWS (China, GovCloud, the isolated and the sovereign ones): what ARNs and service principals look like there.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import functools
import re
import typing as t

from ..sdk import Loader

#: Services whose principal ends like the partition's names; all others are ``<service>.amazonaws.com`` everywhere.
#: https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-arns.html
OF_PARTITION = frozenset({"ec2"})
#: Services whose principal also names the region.
OF_REGION = frozenset({"logs"})


@functools.cache
def _partitions() -> list[dict[str, t.Any]]:
    return Loader().load_data("partitions")["partitions"]


@functools.cache
def _of(region: str) -> dict[str, t.Any]:
    """What botocore knows of a region's partition; a region it does not know is found by its form, else in the first one."""
    for found in _partitions():
        if region in found["regions"]:
            return found
    for found in _partitions():
        if re.match(found["regionRegex"], region):
            return found
    return _partitions()[0]


def partition(region: str) -> str:
    """The part of AWS a region is in, as ARNs say it."""
    return _of(region)["id"]


def dns_suffix(region: str) -> str:
    """How names of AWS end there: ``amazonaws.com``, ``amazonaws.com.cn``."""
    return _of(region)["outputs"]["dnsSuffix"]


def service_principal(service: str, region: str) -> str:
    """What policies call a service: ``ec2.amazonaws.com``, in China ``ec2.amazonaws.com.cn``."""
    if service in OF_REGION:
        return f"{service}.{region}.{dns_suffix(region)}"
    return f"{service}.{dns_suffix(region) if service in OF_PARTITION else 'amazonaws.com'}"
