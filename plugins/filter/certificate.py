# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the certificate role."""

from __future__ import annotations

import typing as t


def validation_records(entries: dict[str, t.Any], resources: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The records that validate pending requests, with the zone they belong in; each record once."""
    found = {
        record["Name"]: {"zone": entry["validation_zone"], "record": record}
        for name, entry in entries.items()
        if entry.get("validation_zone") and resources.get(name, {}).get("state") == "pending"
        for record in resources[name]["facts"]["validation"]
    }
    return list(found.values())


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"validation_records": validation_records}
