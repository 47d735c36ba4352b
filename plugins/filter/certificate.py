# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the certificate role."""

from __future__ import annotations

import typing as t


def validation_records(written: list[dict[str, t.Any]], zones: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The records that validate pending requests, and where they belong; each record once.

    :param written: results of terrace.aws.acm_certificate in a loop over entries, ``__certificate_entry``
    :param zones: hosted zones of the cell, as they are
    :returns: ``zone_id`` or ``zone`` (a domain) and the ``record``
    """
    found = {}
    for result in written:
        entry = result["__certificate_entry"]["value"]
        where = {"zone_id": zones[entry["zone"]]["id"]} if entry.get("zone") else {"zone": entry.get("validation_zone")}
        if all(where.values()):
            found |= {record["Name"]: {**where, "record": record} for record in result.get("validation") or []}
    return list(found.values())


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"validation_records": validation_records}
