# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Elastic IPs of bastions, and which group's machine has them."""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell
from ...engine.kind import PENDING, READY, Resource
from .elastic_ip import ElasticIp


class BastionAddress(ElasticIp):
    """The address people connect to. It stays when the machine behind it is replaced."""

    name = "bastion_address"
    role = "bastion"
    variable = "bastion_addresses"
    #: It is allocated before the group starts the instance that takes it, and associated by hand with one that did not.
    created_empty = True
    precedes = frozenset({"group"})
    needs_ready = frozenset({"group"})
    loose = frozenset({"group"})
    #: A change of the group may replace its instance.
    follows = frozenset({"group"})
    #: What has a public address, or its subnet, needs the VPC's internet gateway, which AWS detaches only after all of them.
    after_kinds = frozenset({"internet_gateway"})
    references: t.ClassVar[dict[str, str]] = {"group": "bastion_group"}

    def read(self, cell: Cell) -> dict[str, Resource]:
        groups = cell.observed("bastion_group")
        found = super().read(cell)
        for address in found.values():
            machine = address.facts["instance"]
            holder = next((name for name, group in groups.items() if machine in group.facts["instances"]), "")
            address.attributes["group"] = holder or machine
            # A machine takes the address itself when it starts; until then this is no fault.
            address.state = READY if holder else PENDING
            address.status = f"at {machine}" if machine else "not at a machine yet"
        return found
