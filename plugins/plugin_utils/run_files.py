# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The private folder of a run of ansible-playbook, gone with it: what was read of cells, and plans that came to no end."""

from __future__ import annotations

import json
import pathlib
import typing as t

from ansible import constants as C

#: How the name of a file with an unfinished plan ends.
UNFINISHED = ".unfinished"
#: How that of the plan ends that was shown last.
SHOWN = ".shown"


def folder() -> pathlib.Path:
    """The folder, which only this user reads."""
    path = pathlib.Path(C.DEFAULT_LOCAL_TMP) / "terrace"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def is_new(name: str, plan: str) -> bool:
    """Whether this is another plan than the one that was last shown under this name; it is kept as that."""
    path = folder() / f"{name}{SHOWN}"
    if path.exists() and path.read_text() == plan:
        return False
    path.write_text(plan)
    return True


def unfinished() -> list[dict[str, t.Any]]:
    """The last plan of each cell that came to no end."""
    return [json.loads(path.read_text()) for path in sorted(folder().glob(f"*{UNFINISHED}"))]
