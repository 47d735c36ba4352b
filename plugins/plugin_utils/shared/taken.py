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
    lower: bool = False,
    numbered: bool = False,
) -> t.Iterator[str]:
    """Entries to be created whose name on AWS is taken.

    :param found: what AWS has of those names
    :param key: where AWS's answer holds the name
    :param ident: where it holds the id that the kind's resources have
    :param lower: AWS keeps names of the kind in lower case
    :param numbered: a new resource gets a number added where the cell itself has the name
    """
    ours = {resource.id: name for name, resource in cell.observed(kind).items()}
    idents = {each[key]: each[ident] for each in found}
    for name in entries:
        called = cell.aws_name(name).lower() if lower else cell.aws_name(name)
        yield from one(kind, name, called, idents.get(called), ours, numbered)


def one(
    kind: str, name: str, called: str, ident: str | None, ours: dict[str, str], numbered: bool = False
) -> t.Iterator[str]:
    """Whether the name one entry would get is taken: by a stranger, or by another entry that was renamed and keeps it.

    :param ident: the id of what has the name; nothing where it is free
    :param ours: the cell's resources, ``{id: logical name}``
    """
    what, known = kind.replace("_", " "), f" ({ident})" if ident != called else ""
    if ident and ident not in ours:
        yield f"{name}: there is a {what} {called}{known} that is not this cell's; {WAY_OUT}"
    elif ident and not numbered and ours[ident].partition(" [outgoing")[0] != name:
        yield (
            f"{name}: AWS knows {ours[ident]} as {called}, for a renamed resource keeps its name there; give this one another"
        )
