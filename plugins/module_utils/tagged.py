# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tagging API knows, for services whose own lists carry neither tags nor names.

It answers for a whole region in one call, but it lags behind: it tells where to look, never how something is.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

from .cell import Cell, tags_of
from .kind import CELL_TAG

TYPES = ["acm:certificate", "kms:key"]


def every_cells(cell: Cell) -> dict[str, dict[str, str]]:
    """Tags by ARN of every cell's certificates and keys in the region."""
    found = cell.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        TagFilters=[{"Key": CELL_TAG}],
        ResourceTypeFilters=TYPES,
    )
    return {each["ResourceARN"]: tags_of(each["Tags"]) for each in found}
