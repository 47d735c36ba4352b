# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the monitoring_agent role: settings judged before an agent sees them."""

from __future__ import annotations

import difflib
import json
import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleFilterError

#: What an exporter's entry may say.
OPTIONS = frozenset({"port", "flags", "environment"})


def _suggestion(word: str, known: t.Iterable[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(known))}"


def exporter_misfits(exporters: dict[str, t.Any], known: dict[str, t.Any]) -> list[str]:
    """What is wrong with ``monitoring_agent_exporters``, each as a sentence."""
    said = []
    for name, entry in exporters.items():
        where = f"monitoring_agent_exporters.{name}"
        if name not in known:
            said.append(f"{where}: Debian has no such exporter{_suggestion(name, known)}")
        for option in sorted(set(entry or {}) - OPTIONS):
            said.append(f"{where}: there is no option {option}{_suggestion(option, OPTIONS)}")
    return said


def exporter_files(exporters: dict[str, t.Any], known: dict[str, t.Any], address: str) -> dict[str, dict[str, t.Any]]:
    """The files in which systemd finds what each exporter is told, as ``terrace.aws.host_files`` takes them.

    :param known: port and flags of each exporter Debian has
    """
    made = {}
    for name, entry in exporters.items():
        entry = entry or {}
        flags = [f"--web.listen-address={address}:{entry.get('port', known[name]['port'])}"]
        flags += [*known[name]["flags"], *entry.get("flags", [])]
        lines = ["# Ansible managed", f'ARGS="{" ".join(flags)}"']
        # systemd reads what json writes; only the dollar means nothing to it here.
        lines += [f"{key}={json.dumps(str(value))}" for key, value in sorted((entry.get("environment") or {}).items())]
        made[f"/etc/default/prometheus-{name}-exporter"] = {"content": "\n".join([*lines, ""]), "mode": "0600"}
    return made


def agents_to_stop(running: list[str], known: dict[str, t.Any], wanted: dict[str, t.Any]) -> list[str]:
    """The units that run and are not wanted, of those this role may start.

    :param running: as ``systemctl list-units --plain`` prints them
    :param wanted: ``exporters``, and what ``cloudwatch`` and ``datadog`` are told
    """
    ours = {f"prometheus-{name}-exporter.service": name in wanted.get("exporters", {}) for name in known}
    ours["amazon-cloudwatch-agent.service"] = bool(wanted.get("cloudwatch"))
    ours["datadog-agent.service"] = bool(wanted.get("datadog"))
    units = [line.split()[0] for line in running if line.strip()]
    return [unit for unit in units if not ours.get(unit, True)]


def schema_misfits(settings: dict[str, t.Any], schema: str, variable: str) -> list[str]:
    """Where ``settings`` differ from a vendor's JSON schema, each as a sentence that names the variable and the place.

    :param schema: a file on the controller, JSON or YAML; empty: nothing is checked
    :raises AnsibleFilterError: where the file cannot be read or the Python package jsonschema is missing
    """
    if not settings or not schema:
        return []
    try:
        import jsonschema
        import referencing
    except ImportError as error:
        raise AnsibleFilterError(f"{variable}_schema: checking needs the Python package jsonschema") from error
    place = pathlib.Path(schema).expanduser().resolve()

    def beside(uri: str) -> t.Any:
        """A file a schema in several parts refers to; only files, and only in its own folder."""
        part = yaml.safe_load((place.parent / uri.rpartition("/")[2]).read_text(encoding="utf-8"))
        return referencing.Resource.from_contents(part, default_specification=referencing.jsonschema.DRAFT202012)

    try:
        rules = yaml.safe_load(place.read_text(encoding="utf-8"))
        checker = jsonschema.validators.validator_for(rules)(rules, registry=referencing.Registry(retrieve=beside))
        wrong = [*checker.iter_errors(json.loads(json.dumps(settings)))]
    except (OSError, yaml.YAMLError, referencing.exceptions.Unresolvable, jsonschema.exceptions.SchemaError) as error:
        raise AnsibleFilterError(f"{variable}_schema: {schema} cannot be read: {error}") from error
    found = sorted(wrong, key=lambda each: [str(part) for part in each.path])
    said = [f"{'.'.join([variable, *map(str, each.path)])}: {each.message}" for each in found]
    return said + _unnamed_sections(settings, rules, variable)


def _unnamed_sections(settings: dict[str, t.Any], rules: dict[str, t.Any], variable: str) -> list[str]:
    """Sections a schema does not name though it allows any: Amazon's would let ``agnet`` pass, and the agent ignores it."""
    known = rules.get("properties") or {}
    if not known or rules.get("additionalProperties", True) is not True or "patternProperties" in rules:
        return []
    unnamed = sorted(set(settings) - set(known))
    return [f"{variable}.{name}: the schema has no such section{_suggestion(name, known)}" for name in unnamed]


class FilterModule:
    """Filters ``terrace.aws.*`` of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {each.__name__: each for each in (exporter_misfits, exporter_files, agents_to_stop, schema_misfits)}
