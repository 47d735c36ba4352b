# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the role cache."""

from __future__ import annotations

import typing as t

from ..plugin_utils.shared import managed_data


def cache_parameters(parameters: dict[str, t.Any]) -> dict[str, str]:
    """Parameters as ElastiCache tells them: texts, switches as yes and no."""
    return {name: managed_data.yes_or_no(value) for name, value in parameters.items()}


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"cache_parameters": cache_parameters}
