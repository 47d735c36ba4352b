# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real machines behind the emulated API: `up`, `down` and `status`."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def up(port: int | None = None, state_dir: Path | None = None) -> None:
    """Build the image when needed and start following the API; leaves a running lab alone, cleans up a killed one."""
    from lab.machines import control

    control.up(port, state_dir)


def down(state_dir: Path | None = None) -> None:
    """End every machine and remove every trace of them; succeeds when there is none."""
    from lab.machines import control

    control.down(state_dir)


def status(state_dir: Path | None = None, as_json: bool = False) -> dict[str, Any]:
    """Print machines, addresses, health and URLs (or the same as JSON), and return it."""
    from lab.machines import overview

    return overview.show(state_dir, as_json)
