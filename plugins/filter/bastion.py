# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the bastion role."""

from __future__ import annotations

import typing as t

from ..plugin_utils import specs
from . import tier

#: One machine, replaced by making the new one first: the address moves when that is there.
ONE = {"min_size": 1, "max_size": 1, "desired_capacity": 1, "refresh": {"min_healthy": 100, "max_healthy": 200}}


def bastion_layout(hosts: dict[str, t.Any], cell: str) -> dict[str, dict[str, t.Any]]:
    """Address, launch template and group of one of each bastion described by one entry.

    :raises AnsibleFilterError: naming everything that is wrong
    """
    tier.refuse(tier.tier_shape(specs.shape("bastion", "host")), hosts, "bastion_hosts")
    entries = {
        name: {
            **ONE,
            "user_data": tier.first_boot(cell, name, address=name, configuration=host.get("configuration") or ""),
            **host,
            "tags": {"tier": name, "role": "bastion", **(host.get("tags") or {})},
        }
        for name, host in (specs.plain(hosts) or {}).items()
    }
    layout = tier.layout(entries, cell)
    addresses = {name: {"group": name, "tags": (hosts[name] or {}).get("tags") or {}} for name in layout["groups"]}
    return {"addresses": addresses, "templates": layout["templates"], "groups": layout["groups"]}


def addresses_to_move(wanted: dict[str, dict[str, t.Any]], found: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Addresses whose group has a running machine that does not have them: ``{name: {address, instance}}``.

    :param wanted: the addresses as the inventory has them
    :param found: resources of the kinds bastion_address and bastion_group
    """
    made = {}
    for name, entry in wanted.items():
        address = found["bastion_address"].get(name)
        group = found["bastion_group"].get(entry["group"])
        if not address or not group or address["attributes"]["group"] == entry["group"]:
            continue
        machines = sorted(ident for ident, state in group["facts"]["instances"].items() if state == "InService")
        if machines:
            made[name] = {"address": address["facts"]["address"], "instance": machines[0]}
    return made


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"bastion_layout": bastion_layout, "addresses_to_move": addresses_to_move}
