# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the monitoring_agent role: settings judged before an agent sees them."""

from __future__ import annotations

import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleFilterError

from ..plugin_utils import specs

#: What an exporter's entry may say.
OPTIONS = frozenset({"port", "flags", "environment"})


def exporter_misfits(exporters: dict[str, t.Any], known: dict[str, t.Any]) -> list[str]:
    """What is wrong with ``monitoring_agent_exporters``, each as a sentence."""
    said = []
    for name, entry in exporters.items():
        where = f"monitoring_agent_exporters.{name}"
        if name not in known:
            said.append(f"{where}: Debian has no such exporter{specs.suggestion(name, known)}")
        for option in sorted(set(entry or {}) - OPTIONS):
            said.append(f"{where}: there is no option {option}{specs.suggestion(option, OPTIONS)}")
    return said


def schema_misfits(settings: dict[str, t.Any], schema: str, variable: str) -> list[str]:
    """Where ``settings`` differ from a vendor's JSON schema, each as a sentence that names the variable and the place.

    :param schema: a file on the controller, JSON or YAML; empty: nothing is checked
    :raises AnsibleFilterError: where the file cannot be read or the Python package jsonschema is missing
    """
    if not settings or not schema:
        return []
    try:
        import jsonschema
    except ImportError as error:
        raise AnsibleFilterError(f"{variable}_schema: checking needs the Python package jsonschema") from error
    try:
        rules = yaml.safe_load(pathlib.Path(schema).expanduser().read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise AnsibleFilterError(f"{variable}_schema: {schema} cannot be read: {error}") from error
    checker = jsonschema.validators.validator_for(rules)(rules)
    found = sorted(checker.iter_errors(specs.plain(settings)), key=lambda each: [str(part) for part in each.path])
    return [f"{'.'.join([variable, *map(str, each.path)])}: {each.message}" for each in found]


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"exporter_misfits": exporter_misfits, "schema_misfits": schema_misfits}
