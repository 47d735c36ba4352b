# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bucket of releases lacks that the other cell's has.

Each cell's releases are built for it, and its configuration is its own: neither is compared byte by byte. Of what has a
``current.json`` it counts that machines which start now are told to serve the same version, made of the same source.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from ..engine.cell import Cell

CURRENT = "current.json"


@dataclass(frozen=True)
class Release:
    """What new machines are told to serve.

    :ivar version: empty for what has no versions
    :ivar origin: the digest of the source it was made of; empty where the release does not say
    :ivar missing: what of it is not in the bucket
    """

    version: str
    origin: str
    missing: tuple[str, ...] = ()


class Held:
    """What one cell's bucket holds.

    :param bucket: the bucket's name on AWS
    """

    def __init__(self, cell: Cell, bucket: str) -> None:
        self._cell, self._bucket = cell, bucket
        listed = cell.pages("s3", "list_objects_v2", "Contents", Bucket=bucket)
        sizes = {each["Key"]: each["Size"] for each in listed}
        self._keys = frozenset(sizes)
        self.released = sorted(key.rpartition("/")[0] for key in sizes if key.endswith(f"/{CURRENT}"))
        self.count = len(sizes)
        #: Keys and sizes of what is no part of a release.
        self.objects = {
            (key, size) for key, size in sizes.items() if not any(key.startswith(f"{each}/") for each in self.released)
        }

    def release(self, prefix: str) -> Release:
        """What is current under a prefix."""
        current = self._read(f"{prefix}/{CURRENT}")
        version = str(current.get("flask_app_version", ""))
        manifest = f"{prefix}/{current.get('flask_app_name')}-{version}.json" if version else ""
        made = self._read(manifest) if manifest else current
        needed = [name for name in (manifest, str(made.get("object", ""))) if name]
        return Release(version, str(made.get("origin", "")), tuple(name for name in needed if name not in self._keys))

    def _read(self, key: str) -> dict[str, t.Any]:
        found = self._cell.call("s3", "get_object", absent=("NoSuchKey",), Bucket=self._bucket, Key=key)
        read = json.loads(found["Body"].read()) if found else {}
        if not isinstance(read, dict):
            raise ValueError(f"{key} of {self._bucket} is not what a release has there")
        return read


def lacks(primary: Held, standby: Held) -> t.Iterator[str]:
    """What the standby's bucket lacks, for people."""
    for prefix in primary.released:
        if prefix not in standby.released:
            yield f"{prefix}/{CURRENT}"
            continue
        mine, theirs = primary.release(prefix), standby.release(prefix)
        if mine.version != theirs.version:
            yield f"{prefix} {mine.version} (it has {theirs.version or 'none'})"
        elif mine.origin != theirs.origin and mine.origin and theirs.origin:
            yield f"{prefix} {mine.version} of the same source (it was released from another one)"
        yield from theirs.missing
    yield from sorted(key for key, _size in primary.objects - standby.objects)
