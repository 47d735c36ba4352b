# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes in PostgreSQL, read through Redis."""

from terrace_notes.app import create_app

__all__ = ["create_app"]
