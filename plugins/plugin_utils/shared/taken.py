# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that somebody else's resource has already.

The published modules look a resource up by its name and would change what they find. Terrace makes everything with its tags
from the first call on, so what has the name of an entry and not its tags is not the cell's.
"""

from __future__ import annotations

import typing as t

from ..engine.cell import Cell

WAY_OUT = "to take it over, tag it as the cell's; otherwise give another name"


def names(
    cell: Cell,
    kind: str,
    entries: t.Iterable[str],
    found: t.Iterable[dict[str, t.Any]],
    key: str,
    ident: str,
) -> t.Iterator[str]:
    """Entries to be created whose name on AWS is taken.

    :param found: what AWS has of those names
    :param key: where AWS's answer holds the name
    :param ident: where it holds the id that the kind's resources have
    """
    ours = {resource.id for resource in cell.observed(kind).values()}
    strangers = {each[key]: each[ident] for each in found if each[ident] not in ours}
    for name in entries:
        if other := strangers.get(cell.aws_name(name)):
            known = "" if other == cell.aws_name(name) else f" ({other})"
            what = kind.replace("_", " ")
            yield f"{name}: there is a {what} {cell.aws_name(name)}{known} that is not this cell's; {WAY_OUT}"
