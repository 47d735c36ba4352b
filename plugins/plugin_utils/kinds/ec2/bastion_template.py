# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launch templates of bastions."""

from __future__ import annotations

import typing as t

from .launch_template import LaunchTemplate


class BastionTemplate(LaunchTemplate):
    name = "bastion_template"
    role = "bastion"
    variable = "bastion_templates"
    options_of = "launch_template"
    references: t.ClassVar[dict[str, str]] = dict(LaunchTemplate.references)
