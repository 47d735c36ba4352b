# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EC2's describe calls by a filter, which, unlike a list of ids or names, does not fail for one that is not there."""

from __future__ import annotations

import typing as t

from ...engine.cell import Cell

#: A filter takes this many values. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
VALUES_A_FILTER = 200


def filtered(
    cell: Cell,
    operation: str,
    result: str,
    name: str,
    values: t.Iterable[str],
    and_filters: t.Iterable[dict[str, t.Any]] = (),
    **arguments: t.Any,
) -> list[dict[str, t.Any]]:
    """Everything whose ``name`` is one of the values, in as many calls as those need; none where there are no values.

    :param and_filters: what must hold as well
    :param arguments: further arguments of the call
    """
    values = sorted({value for value in values if value})
    batches = [values[start : start + VALUES_A_FILTER] for start in range(0, len(values), VALUES_A_FILTER)]
    answers = cell.map(
        lambda batch: cell.pages(
            "ec2", operation, result, Filters=[*and_filters, {"Name": name, "Values": batch}], **arguments
        ),
        batches,
    )
    return [each for answer in answers for each in answer]
