# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes that AWS has been asked for and makes later, in the maintenance window."""

from __future__ import annotations

import re
import typing as t

from ..engine.kind import READY, Resource

#: Where AWS's word is not the option's in other letters.
OPTIONS = {
    "DBInstanceClass": "instance_class",
    "MultiAZ": "multi_az",
    "CacheNodeType": "node_type",
}
#: What is pending only while it is made.
MADE_AT_ONCE = frozenset({"AuthTokenStatus", "MasterUserPassword"})


def warnings(observed: dict[str, Resource]) -> t.Iterator[str]:
    """What waits, a sentence a resource: such a change counts as made, and an operator is to know that it is not yet.

    :param observed: resources whose fact ``pending`` has AWS's PendingModifiedValues
    """
    for name, resource in observed.items():
        waits = {
            word: value for word, value in (resource.facts.get("pending") or {}).items() if word not in MADE_AT_ONCE
        }
        if waits and resource.state == READY:
            told = ", ".join(f"{_option(word)} {value}" for word, value in sorted(waits.items()))
            yield f"{name}: waits for the maintenance window: {told}"


def _option(word: str) -> str:
    return OPTIONS.get(word) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower()
