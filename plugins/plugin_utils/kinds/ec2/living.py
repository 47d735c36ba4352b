# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resources that AWS still lists with all their tags after they were deleted."""

from __future__ import annotations

import typing as t

from ...engine.cell import tags_of
from ...engine.kind import LOGICAL_TAG, NAME_TAG


def without_replaced(items: t.Iterable[dict[str, t.Any]], leaving: t.Callable[[dict[str, t.Any]], bool]) -> list[t.Any]:
    """The items without those that are leaving while another one already carries their name."""
    items = list(items)
    named = {_name(item) for item in items if not leaving(item)}
    return [item for item in items if not leaving(item) or _name(item) not in named]


def _name(item: dict[str, t.Any]) -> tuple[str | None, str | None]:
    tags = tags_of(item.get("Tags"))
    return tags.get(LOGICAL_TAG), tags.get(NAME_TAG)
