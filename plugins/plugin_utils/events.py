# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the work on a cell tells while it goes on.

A cell is worked on inside one task, in a process that Ansible forked for it. Ansible's Display hands whatever is displayed there
to the main process, in the order in which it was displayed. So it does with an event, which is the line that plain output prints
and carries what the callback terrace.aws.watch needs to draw its own. Where it does not watch, only lines are displayed.
"""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

display = Display()


class Event(str):
    """A line, with what it says as data.

    :ivar data: ``cell``, ``sort`` and what goes with the sort: see ``Watched.hear``
    """

    data: dict[str, t.Any]


class Watching:
    """Whether the callback terrace.aws.watch shows the run. It says so before the first process is forked for a task."""

    on = False


def tell(cell: str, sort: str, line: str = "", **data: t.Any) -> None:
    """Tell something of a cell.

    :param line: how plain output says it; empty where it says nothing
    """
    if Watching.on:
        event = Event(line)
        event.data = {"cell": cell, "sort": sort, **data}
        display.display(event)
    elif line:
        display.display(line)
