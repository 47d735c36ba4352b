# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of a secret that holds a JSON object."""

from __future__ import annotations

import json
import typing as t


def fields_of(text: str | None, fields: list[str]) -> dict[str, t.Any]:
    """The fields of a JSON text; ValueError says what is missing, never what is there."""
    try:
        value = json.loads(text or "")
    except ValueError:
        raise ValueError("it holds no JSON") from None
    missing = [name for name in fields if not isinstance(value, dict) or not value.get(name)]
    if missing:
        raise ValueError(f"it has no {', '.join(missing)}; it must be JSON with {', '.join(fields)}")
    return {name: value[name] for name in fields}
