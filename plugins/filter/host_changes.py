# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs on a machine, for people, and what to do about it."""

from __future__ import annotations

import typing as t

#: What host_manifest says of a machine that it knows nothing of, or that is to become another one: nobody did that by hand.
EXPECTED = ("nothing was kept", "what it is made from")


def host_changes(left: dict[str, t.Any]) -> list[str]:
    """What was changed and added by hand on a machine, a line each; empty where nothing was.

    :param left: what the module ``terrace.aws.host_manifest`` returned
    """
    changed = [each for each in left.get("differences", []) if each not in EXPECTED]
    return changed + [f"{each['kind']} {each['name']} was added: {each['what']}" for each in left.get("added", [])]


def added_files(left: dict[str, t.Any]) -> list[str]:
    """The files that were added by hand.

    :param left: what the module ``terrace.aws.host_manifest`` returned
    """
    return _added(left, "file")


def added_units(left: dict[str, t.Any]) -> list[str]:
    """The units that were added by hand, as systemctl names them.

    :param left: what the module ``terrace.aws.host_manifest`` returned
    """
    place, sorts = "/etc/systemd/system/", (".service", ".socket", ".timer", ".path")
    names = [path[len(place) :] for path in _added(left, "file") if path.startswith(place) and path.endswith(sorts)]
    return [name for name in names if "/" not in name and "@." not in name]


def added_users(left: dict[str, t.Any]) -> list[str]:
    """The accounts that were added by hand.

    :param left: what the module ``terrace.aws.host_manifest`` returned
    """
    return _added(left, "user")


def added_tables(left: dict[str, t.Any]) -> list[str]:
    """The tables of the packet filter that were added by hand.

    :param left: what the module ``terrace.aws.host_manifest`` returned
    """
    return _added(left, "table")


def _added(left: dict[str, t.Any], kind: str) -> list[str]:
    return [each["name"] for each in left.get("added", []) if each["kind"] == kind]


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {each.__name__: each for each in (host_changes, added_files, added_units, added_users, added_tables)}
